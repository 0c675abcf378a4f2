using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A fusion that makes a vector of the features of one input, without parameters; it can serve each input of a fusion of several.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(FlattenSpec), "flatten")]
[JsonDerivedType(typeof(GlobalAverageSpec), "global_average")]
[JsonDerivedType(typeof(GlobalMaxSpec), "global_max")]
public abstract record SingleFusionSpec : FusionSpec
{
    private protected SingleFusionSpec()
    {
    }

    internal override bool TakesSeveral => false;

    /// <summary>What makes the vector.</summary>
    [JsonIgnore]
    internal abstract Func<FeatureSet, Tensor> Pooling { get; }

    /// <summary>The length of the vector that features of this shape become.</summary>
    internal abstract long CountFeatures(FeatureShape shape);

    internal override nn.Module Create(IReadOnlyList<FeatureShape> shapes) => new CombinedFusion(Pooling, Combination.Concatenation);
}
