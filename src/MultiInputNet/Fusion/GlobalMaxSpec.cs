using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The largest value of each channel. Made with <see cref="Fusions.GlobalMax"/>.</summary>
internal sealed record GlobalMaxSpec : SingleFusionSpec
{
    internal override string Title => "GlobalMax";

    internal override Func<FeatureSet, Tensor> Pooling => FeaturePooling.Max;

    internal override long CountFeatures(FeatureShape shape) => shape.Channels;
}
