using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="GlobalAverageFusion"/>.</summary>
public sealed record GlobalAverageSpec : SingleFusionSpec
{
    internal override string Title => "GlobalAverage";

    internal override nn.Module<Tensor, Tensor> CreateSingle(MapShape map) => new GlobalAverageFusion();

    internal override long CountFeatures(MapShape map) => map.Channels;
}
