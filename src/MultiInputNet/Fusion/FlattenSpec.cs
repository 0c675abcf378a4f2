using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="FlattenFusion"/>.</summary>
public sealed record FlattenSpec : SingleFusionSpec
{
    internal override string Title => "Flatten";

    internal override nn.Module<Tensor, Tensor> CreateSingle(MapShape map) => new FlattenFusion();

    internal override long CountFeatures(MapShape map) => map.Count;
}
