using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One run of a model: which inputs are there, which of them go through a base together, the tasks asked for, and what comes out.</summary>
internal sealed class ModelRun
{
    // A matter of speed alone: joining maps copies them, which costs more than one run of the base saves over several once they are large.
    private const long LargestMergedBytesOnCpu = 4 << 20;

    private readonly ScalarType type;

    /// <summary>Decides who goes with whom.</summary>
    /// <param name="groups">The groups of the model's inputs.</param>
    /// <param name="inputs">The batches of the inputs that run, in their order.</param>
    /// <param name="tasks">The tasks asked for.</param>
    /// <param name="device">Where.</param>
    /// <param name="type">The type of the weights.</param>
    /// <param name="merges">Whether maps are joined where only speed depends on it.</param>
    public ModelRun(
        IReadOnlyList<BaseGroup> groups, IReadOnlyList<(string Name, Tensor Batch)> inputs, IReadOnlyList<Route> tasks, Device device, ScalarType type, bool merges)
    {
        this.type = type;
        Tasks = tasks;
        var limit = !merges ? 0 : device.type == DeviceType.CPU ? LargestMergedBytesOnCpu : long.MaxValue;
        var (given, open) = (new List<RunInput>(), new List<BaseBatch>());
        foreach (var (name, batch) in inputs)
        {
            var group = groups.First(group => group.Paths.Any(path => path.Name == name));
            var input = new RunInput(group.Paths.First(path => path.Name == name), batch);
            given.Add(input);
            var bytes = batch.shape[0] * input.Path.LargestResult * type.ElementSize();
            var joined = open.Find(other => other.Group == group && (other.Bytes + bytes <= limit || group.MixesSamples));
            if (joined is null)
                open.Add(joined = new(group));
            joined.Add(input, bytes);
        }

        (Inputs, Batches) = (given, open);
        Absent = [.. groups.SelectMany(group => group.Paths).Select(path => path.Name).Except(inputs.Select(input => input.Name))];
    }

    /// <summary>The inputs that are there, in order.</summary>
    public IReadOnlyList<RunInput> Inputs { get; }

    /// <summary>What goes through a base at once, in order.</summary>
    public IReadOnlyList<BaseBatch> Batches { get; }

    /// <summary>The inputs of the model that are not there.</summary>
    public IReadOnlyList<string> Absent { get; }

    /// <summary>The tasks asked for.</summary>
    public IReadOnlyList<Route> Tasks { get; }

    /// <summary>What the bases gave, by input.</summary>
    public Dictionary<string, FeatureSet> Features { get; } = [];

    /// <summary>What the tasks gave, by task.</summary>
    public Dictionary<string, Tensor> Outputs { get; } = [];

    /// <summary>Runs it. Where tasks are asked for, the features end with the dispose scope.</summary>
    public void Execute()
    {
        foreach (var input in Inputs)
            input.Project(type);
        foreach (var batch in Batches)
            batch.Run(Features);
        foreach (var task in Tasks)
            Outputs.Add(task.Task, task.Run(Features));
    }
}
