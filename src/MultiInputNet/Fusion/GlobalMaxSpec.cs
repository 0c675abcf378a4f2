using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="GlobalMaxFusion"/>.</summary>
public sealed record GlobalMaxSpec : SingleFusionSpec
{
    internal override string Title => "GlobalMax";

    internal override nn.Module<Tensor, Tensor> CreateSingle(MapShape map) => new GlobalMaxFusion();

    internal override long CountFeatures(MapShape map) => map.Channels;
}
