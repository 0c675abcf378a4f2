namespace MultiInputNet;

/// <summary>The mean of each channel. Created with <see cref="Fusions.GlobalAverage"/>.</summary>
internal sealed record GlobalAverageSpec : SingleFusionSpec
{
    internal override string Title => "GlobalAverage";

    internal override FeaturePooling Pooling => FeaturePooling.Average;

    internal override long CountFeatures(FeatureShape shape) => shape.Channels;
}
