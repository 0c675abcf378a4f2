using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A fusion that turns one feature map into a vector; it can serve each input of a fusion of several.</summary>
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

    internal abstract nn.Module<Tensor, Tensor> CreateSingle(MapShape map);

    /// <summary>The length of the vector that a map of this shape becomes.</summary>
    internal abstract long CountFeatures(MapShape map);

    internal override nn.Module<IReadOnlyList<Tensor>, Tensor> Create(IReadOnlyList<MapShape> maps) => new OneMap(CreateSingle(maps[0]));
}
