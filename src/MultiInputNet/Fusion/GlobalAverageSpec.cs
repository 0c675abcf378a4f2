using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The mean of each channel. Created with <see cref="Fusions.GlobalAverage"/>.</summary>
internal sealed record GlobalAverageSpec : SingleFusionSpec
{
    internal override string Title => "GlobalAverage";

    internal override Func<FeatureSet, Tensor> Pooling => FeaturePooling.Average;

    internal override long CountFeatures(FeatureShape shape) => shape.Channels;
}
