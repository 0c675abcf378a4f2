using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Inputs of a run whose maps go through their base as one batch.</summary>
internal sealed class BaseBatch(BaseGroup group)
{
    private readonly List<RunInput> inputs = [];

    /// <summary>The group that they are of.</summary>
    public BaseGroup Group => group;

    /// <summary>The inputs, in the order of their samples.</summary>
    public IReadOnlyList<RunInput> Inputs => inputs;

    /// <summary>The bytes of the largest map.</summary>
    public long Bytes { get; private set; }

    /// <summary>
    /// Whether they enter the base after its first convolution: one of them does, or their maps have one size only there. The convolution
    /// then runs for each of the others alone.
    /// </summary>
    public bool EntersAfterFirst => group.Base.FirstConvolution is not null && (inputs.Exists(input => input.EntersAfterFirst) || !HasOneSize);

    private bool HasOneSize => inputs.TrueForAll(input => input.Path.Projected == inputs[0].Path.Projected);

    public void Add(RunInput input, long bytes)
    {
        inputs.Add(input);
        Bytes += bytes;
    }

    /// <summary>Runs the base on what was projected.</summary>
    /// <param name="features">Gets what the base gives for each input.</param>
    public void Run(IDictionary<string, FeatureSet> features)
    {
        using var run = inputs is [var alone] ? new BaseRun(alone.Path.Name, alone.Path.Own?.ByLayer) : new BaseRun();
        var joined = group.Base.call(EntersAfterFirst ? EnterAfterFirst(group.Base.FirstConvolution!, run) : Join(input => input.Map!));
        if (inputs.Count == 1)
        {
            // A user's modules may hand on the batch itself, which stays its owner's.
            features[inputs[0].Path.Name] = new(ReferenceEquals(joined, inputs[0].Batch) ? joined.alias() : joined);
            return;
        }

        var start = 0L;
        foreach (var input in inputs)
        {
            var count = input.Batch.shape[0];
            features[input.Path.Name] = new(joined.narrow(0, start, count));
            start += count;
        }
    }

    private Tensor EnterAfterFirst(Conv2d first, BaseRun run)
    {
        if (HasOneSize && inputs.TrueForAll(input => input.Map is not null))
        {
            // Hooks are to see the maps. The base takes them, and what the first convolution gives is what it is without hooks.
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
