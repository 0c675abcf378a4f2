using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// One run of a model: which inputs are present, which of them go through a base together, the requested tasks, and the results.
/// </summary>
internal sealed class ModelRun
{
    // Only a matter of speed: concatenating maps copies them, which for large maps costs more than one run of the base saves over several.
    private const long LargestMergedBytesOnCpu = 4 << 20;

    private readonly IReadOnlyList<BaseGroup> groups;
    private readonly ScalarType type;
    private readonly InferencePaths? fast;

    /// <summary>Decides which inputs go together.</summary>
    /// <param name="groups">The groups of the model's inputs.</param>
    /// <param name="inputs">The batches of the inputs that run, in their order.</param>
    /// <param name="tasks">The requested tasks.</param>
    /// <param name="device">The device.</param>
    /// <param name="type">The type of the weights.</param>
    /// <param name="merges">Whether maps are merged where only speed depends on it.</param>
    /// <param name="fast">Runs the paths that it has in place of their layers; null if all run layer by layer.</param>
    public ModelRun(
        IReadOnlyList<BaseGroup> groups,
        IReadOnlyList<(string Name, Tensor Batch)> inputs,
        IReadOnlyList<Route> tasks,
        Device device,
        ScalarType type,
        bool merges,
        InferencePaths? fast = null)
    {
        (this.groups, this.type, this.fast) = (groups, type, fast);
        Tasks = tasks;
        var limit = !merges ? 0 : device.type == DeviceType.CPU ? LargestMergedBytesOnCpu : long.MaxValue;
        var (given, open) = (new List<RunInput>(), new List<BaseBatch>());
        foreach (var (name, batch) in inputs)
        {
            var group = groups.First(group => group.Paths.Any(path => path.Name == name));
            var input = new RunInput(group.Paths.First(path => path.Name == name), batch);
            given.Add(input);
            if (RunsFast(input))
                continue;
            var bytes = batch.size(0) * input.Path.LargestResult * type.ElementSize();
            var joined = open.Find(other => other.Group == group && (other.Bytes + bytes <= limit || group.MixesSamples));
            if (joined is null)
                open.Add(joined = new(group));
            joined.Add(input, bytes);
        }

        (Inputs, Batches) = (given, open);
    }

    /// <summary>The inputs that are present, in order.</summary>
    public IReadOnlyList<RunInput> Inputs { get; }

    /// <summary>The batches that go through a base, in order.</summary>
    public IReadOnlyList<BaseBatch> Batches { get; }

    /// <summary>The inputs of the model that are not present.</summary>
    public IEnumerable<string> Absent =>
        groups.SelectMany(group => group.Paths).Select(path => path.Name).Except(Inputs.Select(input => input.Path.Name));

    /// <summary>The requested tasks.</summary>
    public IReadOnlyList<Route> Tasks { get; }

    /// <summary>The results of the bases, by input.</summary>
    public Dictionary<string, FeatureSet> Features { get; } = [];

    /// <summary>The results of the tasks, by task.</summary>
    public Dictionary<string, Tensor> Outputs { get; } = [];

    /// <summary>Runs it. If tasks are requested, the features end with the dispose scope.</summary>
    public void Execute()
    {
        ThreadCount.Apply();
        foreach (var input in Inputs)
        {
            if (RunsFast(input))
                Features.Add(input.Path.Name, new(fast!.Run(input.Path, input.Batch)));
            else
                input.Project(type);
        }

        foreach (var batch in Batches)
            batch.Run(Features);
        foreach (var task in Tasks)
            Outputs.Add(task.Task, task.Run(Features));
    }

    private bool RunsFast(RunInput input) => fast?.Contains(input.Path.Name) == true;
}

/// <summary>One input of a run: its batch, and what enters its base.</summary>
internal sealed class RunInput(InputPath path, Tensor batch)
{
    /// <summary>Its path through the model.</summary>
    public InputPath Path => path;

    /// <summary>Its batch, as given.</summary>
    public Tensor Batch => batch;

    /// <summary>Whether something of its own replaces the base's first convolution, so that it enters the base after that one.</summary>
    public bool EntersAfterFirst => path.Stem is not null || path.Folded is not null;

    /// <summary>Once projected: the map that enters the base at its beginning; null if nothing needs it.</summary>
    public Tensor? Map { get; private set; }

    /// <summary>
    /// Once projected: the replacement of the result of the base's first convolution; null if the convolution is to compute it from the
    /// map.
    /// </summary>
    public Tensor? First { get; private set; }

    /// <summary>Runs the input's own modules before the base.</summary>
    /// <param name="type">The type of the weights.</param>
    public void Project(ScalarType type)
    {
        using var run = new BaseRun(path.Name, path.Own?.ByLayer);
        var x = path.Standardize(batch, type);
        if (path.Folded is { IsWatched: true } watched)
        {
            (Map, var isProjected) = watched.Project(x, run);
            First = isProjected ? watched.Convolve(x) : null;
        }
        else if (path.Folded is not null)
            First = path.Folded.Run(x);
        else if (path.Stem is not null)
            First = ChannelsLast.Of(path.Projection.call(x));
        else
            Map = ChannelsLast.Of(path.Projection.call(x));
    }
}

/// <summary>Inputs of a run whose maps go through their base as one batch.</summary>
internal sealed class BaseBatch(BaseGroup group)
{
    private readonly List<RunInput> inputs = [];

    /// <summary>The group to which they belong.</summary>
    public BaseGroup Group => group;

    /// <summary>The inputs, in the order of their samples.</summary>
    public IReadOnlyList<RunInput> Inputs => inputs;

    /// <summary>The bytes of the largest map.</summary>
    public long Bytes { get; private set; }

    /// <summary>
    /// Whether they enter the base after its first convolution: if one of them does, or if their maps have the same size only there. The
    /// convolution then runs separately for each of the others.
    /// </summary>
    public bool EntersAfterFirst => group.Base.FirstConvolution is not null && (inputs.Exists(input => input.EntersAfterFirst) || !HasOneSize);

    private bool HasOneSize => inputs.TrueForAll(input => input.Path.Projected == inputs[0].Path.Projected);

    public void Add(RunInput input, long bytes)
    {
        inputs.Add(input);
        Bytes += bytes;
    }

    /// <summary>Runs the base on the projected maps.</summary>
    /// <param name="features">Receives the result of the base for each input.</param>
    public void Run(IDictionary<string, FeatureSet> features)
    {
        using var run = inputs is [var alone] ? new BaseRun(alone.Path.Name, alone.Path.Own?.ByLayer) : new BaseRun();
        var joined = group.Base.call(EntersAfterFirst ? EnterAfterFirst(group.Base.FirstConvolution!, run) : Join(input => input.Map!));
        if (inputs.Count == 1)
        {
            // A user's modules may return the batch itself, which still belongs to its owner.
            features[inputs[0].Path.Name] = new(ReferenceEquals(joined, inputs[0].Batch) ? joined.alias() : joined);
            return;
        }

        var start = 0L;
        foreach (var input in inputs)
        {
            var count = input.Batch.size(0);
            features[input.Path.Name] = new(joined.narrow(0, start, count));
            start += count;
        }
    }

    private Tensor EnterAfterFirst(Conv2d first, BaseRun run)
    {
        if (HasOneSize && inputs.TrueForAll(input => input.Map is not null))
        {
            // Hooks are to see the maps. The base takes them, and the result of the first convolution is what it would be without hooks.
            var maps = Join(input => input.Map!);
            run.StandIn(maps, Join(input => input.First ?? ChannelsLast.Convolve(first, input.Map!, first.weight)));
            return maps;
        }

        var results = Join(input =>
        {
            if (input.Map is null)
                return input.First!;
            if (input.First is not null)
                run.StandIn(input.Map, input.First);
            return first.call(input.Map);
        });
        run.EntersAfter = first;
        return results;
    }

    private Tensor Join(Func<RunInput, Tensor> of) => inputs is [var alone] ? of(alone) : cat([.. inputs.Select(of)], 0);
}
