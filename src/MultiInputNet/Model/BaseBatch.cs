using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Inputs of a run whose maps go through their base as one batch.</summary>
internal sealed class BaseBatch(BaseGroup group)
{
    private readonly List<RunInput> inputs = [];

    /// <summary>The group that they are of.</summary>
    public BaseGroup Group => group;

    /// <summary>The inputs, in the order in which their samples stand.</summary>
    public IReadOnlyList<RunInput> Inputs => inputs;

    /// <summary>The bytes of the largest map.</summary>
    public long Bytes { get; private set; }

    /// <summary>
    /// Whether they enter the base after its first convolution: where one input does, or where their maps have one size only there, the
    /// convolution is run for each of the others alone.
    /// </summary>
    public bool EntersAfterFirst => group.Base.FirstConvolution is not null
        && inputs.Exists(input => input.EntersAfterFirst || input.Path.Projected != inputs[0].Path.Projected);

    // Hooks before the first convolution see one map, unless a stem stands for it or the maps have several sizes.
    private bool HasProjectedMap => inputs.TrueForAll(input => input.Path.Projection is not Stem && input.Path.Projected == inputs[0].Path.Projected);

    public void Add(RunInput input, long bytes)
    {
        inputs.Add(input);
        Bytes += bytes;
    }

    /// <summary>Runs projections and base.</summary>
    /// <param name="type">The type of the weights.</param>
    /// <param name="features">Gets the map of each input.</param>
    public void Run(ScalarType type, IDictionary<string, Tensor> features)
    {
        using var run = inputs is [var alone] ? new BaseRun(alone.Path.Name, alone.Path.Own?.ByLayer) : new BaseRun();
        var x = inputs.Select(input => input.Path.Standardize(input.Batch, type)).ToArray();
        Tensor given;
        if (!EntersAfterFirst)
            given = Join([.. inputs.Zip(x, Project)]);
        else if (HasProjectedMap && inputs.Exists(input => input.Path.Folded is { IsWatched: true }))
            given = JoinWatched(x, run);
        else
        {
            given = Join([.. inputs.Zip(x, (input, x) => RunFirst(input, x, run))]);
            run.EntersAfter = group.Base.FirstConvolution;
        }

        var joined = group.Base.call(given);
        if (inputs.Count == 1)
        {
            // A user's modules may hand on the batch itself, which stays its owner's.
            features[inputs[0].Path.Name] = ReferenceEquals(joined, inputs[0].Batch) ? joined.alias() : joined;
            return;
        }

        var start = 0L;
        foreach (var input in inputs)
        {
            var count = input.Batch.shape[0];
            features[input.Path.Name] = joined.narrow(0, start, count);
            start += count;
        }
    }

    private static Tensor Join(Tensor[] maps) => maps is [var alone] ? alone : cat(maps, 0);

    private static Tensor Project(RunInput input, Tensor x) => ChannelsLast.Of(input.Path.Projection.call(x));

    /// <summary>What enters after the first convolution.</summary>
    private Tensor RunFirst(RunInput input, Tensor x, BaseRun run)
    {
        if (input.Path.Projection is Stem)
            return Project(input, x);
        if (input.Path.Folded is { IsWatched: false } folded)
            return folded.Run(x);
        return group.Base.FirstConvolution!.call(input.Path.Folded is null ? Project(input, x) : ProjectWatched(input.Path.Folded, x, run));
    }

    private static Tensor ProjectWatched(FoldedProjection folded, Tensor x, BaseRun run)
    {
        var (map, isProjected) = folded.Project(x, run);
        map = ChannelsLast.Of(map);
        if (isProjected)
            run.StandIn(map, folded.Convolve(x));
        return map;
    }

    /// <summary>The map between projections and first convolution, for hooks to see; what the convolution gives is as without them.</summary>
    private Tensor JoinWatched(Tensor[] x, BaseRun run)
    {
        var first = group.Base.FirstConvolution!;
        var (maps, results) = (new Tensor[x.Length], new Tensor[x.Length]);
        foreach (var (i, input) in inputs.Index())
        {
            var (map, isFolded) = input.Path.Folded is { } folded ? folded.Project(x[i], run) : (input.Path.Projection.call(x[i]), false);
            maps[i] = ChannelsLast.Of(map);
            results[i] = isFolded ? input.Path.Folded!.Convolve(x[i]) : ChannelsLast.Convolve(first, maps[i], first.weight);
        }

        var joined = Join(maps);
        run.StandIn(joined, Join(results));
        return joined;
    }
}
