namespace MultiInputNet;

/// <summary>All values in one vector. Created with <see cref="Fusions.Flatten"/>.</summary>
internal sealed record FlattenSpec : SingleFusionSpec
{
    internal override string Title => "Flatten";

    internal override FeaturePooling Pooling => FeaturePooling.Flatten;

    internal override long CountFeatures(FeatureShape shape) => shape.Count;
}
