using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A fusion of several inputs that turns each map into a vector first.</summary>
public abstract record CombinedFusionSpec : FusionSpec
{
    private protected CombinedFusionSpec(SingleFusionSpec each) => Each = each;

    /// <summary>How each map becomes a vector.</summary>
    public SingleFusionSpec Each { get; init; }

    internal override bool TakesSeveral => true;

    private protected abstract Combination Combination { get; }

    internal override nn.Module<IReadOnlyList<Tensor>, Tensor> Create(IReadOnlyList<MapShape> maps) =>
        new CombinedFusion(Combination, [.. maps.Select(Each.CreateSingle)]);

    internal override (string Problem, string Cure)? FindMistake(IReadOnlyList<MapShape> maps)
    {
        foreach (var map in maps)
        {
            if (Each.FindMistake([map]) is { } mistake)
                return mistake;
        }

        if (Combination == Combination.Concatenation)
            return null;
        var lengths = maps.Select(Each.CountFeatures).ToArray();
        return lengths.All(length => length == lengths[0])
            ? null
            : ($"{Title} needs vectors of one length, and the maps {string.Join(", ", maps)} give {string.Join(", ", lengths)} features.",
                "Use Fusions.GlobalAverage() for each, one base for these inputs, or Fusions.Concat().");
    }
}
