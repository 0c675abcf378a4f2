namespace MultiInputNet;

/// <summary>The maximum of each channel. Created with <see cref="Fusions.GlobalMax"/>.</summary>
internal sealed record GlobalMaxSpec : SingleFusionSpec
{
    internal override string Title => "GlobalMax";

    internal override FeaturePooling Pooling => FeaturePooling.Max;

    internal override long CountFeatures(FeatureShape shape) => shape.Channels;
}
