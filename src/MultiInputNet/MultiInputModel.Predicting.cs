using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <content>Answers.</content>
public sealed partial class MultiInputModel : IPredictor
{
    // Of a model that only answers.
    private InferencePaths? fast;

    /// <inheritdoc/>
    public int BatchSize => Limits.BatchSize(
        Built.Paths.Max(path => path.LargestResult) * (parameters().FirstOrDefault()?.dtype ?? ScalarType.Float32).ElementSize(), most: 512);

    /// <inheritdoc/>
    /// <remarks>
    /// It runs in evaluation mode and without gradients. If the model is in evaluation mode, any number of threads may predict at the same
    /// time and get the answers of one, to the bit, as long as none of them trains, changes, moves or disposes of the model. A model in
    /// training mode is put into evaluation mode and back, which takes the only thread. For many predictions, a <see cref="Predictor"/> is
    /// faster.
    /// </remarks>
    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ObjectDisposedException.ThrowIf(disposed, this);
        ModelCall.CheckNames(Description, inputs.Keys);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (device, type) = DeviceAndType;
        var batches = new Dictionary<string, Tensor>();
        foreach (var (name, batch) in inputs)
        {
            ModelCall.CheckThere(name, batch);
            batches.Add(name, paths[name].Take(batch, device, type));
        }

        var wasTraining = training;
        if (wasTraining)
            eval();
        try
        {
            var outputs = tasks is null ? forward(batches) : forward(batches, tasks);
            return outputs.ToDictionary(output => output.Key, IReadOnlyList<Prediction> (output) =>
            {
                var task = Description.Task(output.Key);
                if (fast is not null)
                    ModelCall.CheckFinite(Description, task, batches);
                return Answers.Of(task.Name, FindRoute(task.Name).Head, task.Head, output.Value);
            });
        }
        finally
        {
            if (wasTraining)
                train();
        }
    }

    /// <summary>
    /// Makes it answer faster, for the rest of its life: nothing may be trained, replaced or hooked any more. On the CPU and in single
    /// precision only.
    /// </summary>
    /// <param name="batchSize">The size of batches that are to be fastest.</param>
    /// <returns>Whether batches of that size are faster than others.</returns>
    internal bool PrepareForInference(int batchSize)
    {
        if (DeviceAndType is not ({ type: DeviceType.CPU }, ScalarType.Float32) || InferencePaths.Find(Built.Paths, batchSize) is not { } paths)
            return false;
        paths.Check(Built.Paths, (path, sample) => forward_features(new Dictionary<string, Tensor> { [path.Name] = sample })[path.Name]);
        fast = paths;
        return paths.PrefersBatchSize;
    }
}
