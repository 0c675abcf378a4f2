using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A fusion of several inputs that makes a vector of each one's features first.</summary>
internal abstract record CombinedFusionSpec : FusionSpec
{
    private protected CombinedFusionSpec(SingleFusionSpec each) => Each = each;

    /// <summary>How the features of each input become a vector.</summary>
    public SingleFusionSpec Each { get; init; }

    internal override bool TakesSeveral => true;

    private protected abstract Combination Combination { get; }

    internal override nn.Module Create(IReadOnlyList<FeatureShape> shapes) => new CombinedFusion(Each.Pooling, Combination);

    internal override (string Problem, string Cure)? FindMistake(IReadOnlyList<FeatureShape> shapes)
    {
        var lengths = shapes.Select(Each.CountFeatures).ToArray();
        return Combination == Combination.Concatenation || lengths.All(length => length == lengths[0])
            ? null
            : ($"{Title} needs vectors of the same length, but the {Text(shapes)} give {string.Join(", ", lengths)} features.",
                "Use Fusions.GlobalAverage() for each, one base for these inputs, or Fusions.Concat().");
    }
}
