using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A fusion that pools the features of one input to a vector, without parameters; it can also serve each input of a fusion of several.
/// </summary>
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

    /// <summary>Creates the vector.</summary>
    [JsonIgnore]
    internal abstract FeaturePooling Pooling { get; }

    /// <summary>The length of the vector for features of this shape.</summary>
    internal abstract long CountFeatures(FeatureShape shape);

    internal override nn.Module Create(IReadOnlyList<FeatureShape> shapes) => new CombinedFusion(Pooling, Combination.Concatenation);
}
