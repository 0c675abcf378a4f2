using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>What all parts of a training share, made before its first step.</summary>
internal sealed class TrainingSetup : IDisposable
{
    public TrainingSetup(MultiInputModel model, TrainerOptions options, IReadOnlyList<DataSource> sources, IReadOnlyList<DataSource>? validation)
    {
        (Model, Options, Sources, Validation) = (model, options, sources, validation ?? []);
        Plan = new(options, sources);
        Tasks = [.. sources.SelectMany(source => source.Targets.Keys).Distinct()];
        var balancer = options.Balancing.Create(Tasks, [.. Tasks.Where(task => model.TaskHead(task).HasSquaredLoss)], model.Device);
        Learned = new(model, balancer, options.WeightAverageDecay);
        Random = new(model, options.Seed, sources, Learned.Balancer);
        Buffers = new(model);
    }

    public MultiInputModel Model { get; }

    public TrainerOptions Options { get; }

    public IReadOnlyList<DataSource> Sources { get; }

    public IReadOnlyList<DataSource> Validation { get; }

    /// <summary>The tasks for which the sources have labels.</summary>
    public IReadOnlyList<string> Tasks { get; }

    public TrainingPlan Plan { get; }

    public LearnedTensors Learned { get; }

    public TrainingRandom Random { get; }

    /// <summary>The statistics of the model's normalisations before a step, which may have to be restored.</summary>
    public KeptBuffers Buffers { get; }

    public void Dispose()
    {
        Learned.Dispose();
        Buffers.Dispose();
    }
}
