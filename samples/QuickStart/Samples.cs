using MultiInputNet.Data;
using static TorchSharp.torch;

/// <summary>A data set's samples for training, and those for evaluation.</summary>
internal sealed record Samples(DataSet Data, TensorSource Training, TensorSource Held)
{
    /// <summary>The published split; or, to tune without looking at the test rows, a random fifth of the training rows held out.</summary>
    public static Samples Load(DataSet data, bool validate)
    {
        var (samples, labels) = data.Read();
        var training = arange(data.TrainingRows);
        var held = arange(data.TrainingRows, labels.shape[0]);
        if (validate)
        {
            var order = randperm(data.TrainingRows, generator: new Generator(1234));
            held = order[..(data.TrainingRows / 5)];
            training = order[(data.TrainingRows / 5)..];
        }

        TensorSource Take(Tensor rows) => new(data.Name, samples.index_select(0, rows), labels.index_select(0, rows))
        {
            BatchSize = data.BatchSize,
            Augment = data.Augment is { } augment ? (_, batch) => augment(batch) : null,
        };
        return new(data, Take(training), Take(held));
    }
}
