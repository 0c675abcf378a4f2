using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// The results of a source's samples in the frozen part of a model, computed once: the feature vector of each task whose fusion is frozen
/// or has nothing to train, and the maps that the fusions of the other tasks read.
/// </summary>
internal sealed class FeatureCache : IDisposable
{
    // Features round differently in other batches: fixed, so that trained weights do not depend on how an evaluation is run.
    private const int MostSamples = 64;

    private readonly MultiInputModel model;
    private readonly Dictionary<string, Tensor> features = [];
    private readonly Dictionary<string, Tensor> maps = [];

    // The position of each sample in the tensors above, -1 for those that could not be read.
    private readonly long[] places;

    private FeatureCache(MultiInputModel model, long count)
    {
        this.model = model;
        places = new long[count];
        Array.Fill(places, -1);
    }

    /// <summary>Computes the features of a source; null if they are not frozen, change at random or take too much memory.</summary>
    public static FeatureCache? Make(MultiInputModel model, DataSource source, long limit, CancellationToken cancellationToken)
    {
        var inputs = source.Targets.Keys.SelectMany(task => model.FindRoute(task).Inputs).Distinct().ToArray();
        if (limit == 0 || source.Augment is not null || !inputs.All(model.HasFrozenMap))
            return null;
        var cache = new FeatureCache(model, source.Count);
        try
        {
            return cache.Fill(source, inputs, limit, cancellationToken) ? cache : null;
        }
        catch
        {
            cache.Dispose();
            throw;
        }
    }

    /// <summary>Those of the given samples that could be read.</summary>
    public IReadOnlyList<long> Readable(IReadOnlyList<long> rows) => [.. rows.Where(row => places[row] >= 0)];

    /// <summary>The output of a task for samples that could be read.</summary>
    public Tensor Run(string task, IReadOnlyList<long> rows)
    {
        using var scope = NewDisposeScope();
        var route = model.FindRoute(task);
        var chosen = tensor(rows.Select(row => places[row]).ToArray());
        Tensor Chosen(Tensor kept) => kept.index_select(0, chosen.to(kept.device));
        var fused = features.TryGetValue(task, out var vectors)
            ? Chosen(vectors)
            : route.Fuse(route.Inputs.ToDictionary(input => input, input => new FeatureSet(Chosen(maps[input]))));
        return route.Head.call(fused).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var value in features.Values.Concat(maps.Values))
            value.Dispose();
    }

    private bool Fill(DataSource source, string[] inputs, long limit, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fused = source.Targets.Keys.Where(model.HasFrozenFusion).ToArray();
        var needed = source.Targets.Keys.Except(fused).SelectMany(task => model.FindRoute(task).Inputs).ToHashSet();
        var parts = new Dictionary<(bool IsMap, string Name), List<Tensor>>();
        var filled = 0L;
        using var runner = new BatchRunner(source, model);
        foreach (var batch in runner.Pass(runner.BatchSize(MostSamples), cancellationToken))
        {
            foreach (var row in batch.Rows)
                places[row] = filled++;
            var found = model.forward_features(inputs.ToDictionary(input => input, input => batch.Inputs[input]));
            foreach (var task in fused)
                Add(false, task, model.FindRoute(task).Fuse(found.ToDictionary(pair => pair.Key, pair => new FeatureSet(pair.Value))));
            foreach (var input in needed)
                Add(true, input, found[input]);
            if (parts.Values.Sum(list => list[0].numel() / list[0].shape[0] * list[0].element_size()) * source.Count > limit)
                return false;
        }

        foreach (var ((isMap, name), list) in parts)
            (isMap ? maps : features)[name] = cat(list, 0).DetachFromDisposeScope();
        return parts.Count > 0;

        void Add(bool isMap, string name, Tensor value)
        {
            if (!parts.TryGetValue((isMap, name), out var list))
                parts.Add((isMap, name), list = []);

            // A copy in the plain layout: the result of forward may be a view of a merged map.
            list.Add(value.contiguous().clone().MoveToOuterDisposeScope());
        }
    }
}
