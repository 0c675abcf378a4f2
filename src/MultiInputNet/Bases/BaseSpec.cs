using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>The shared base of a model. Made with <see cref="Bases"/>.</summary>
/// <param name="Channels">Channels of the maps that the base takes; every input is projected to them.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ConvNetSpec), "convnet")]
[JsonDerivedType(typeof(ResNetSpec), "resnet")]
[JsonDerivedType(typeof(MobileNetV3Spec), "mobilenet_v3")]
[JsonDerivedType(typeof(EfficientNetSpec), "efficientnet")]
[JsonDerivedType(typeof(ConvNeXtSpec), "convnext")]
[JsonDerivedType(typeof(VisionTransformerSpec), "vision_transformer")]
[JsonDerivedType(typeof(TorchScriptSpec), "torchscript")]
[JsonDerivedType(typeof(CustomBaseSpec), "custom")]
public abstract record BaseSpec(int Channels)
{
    internal abstract SharedBase Create();

    /// <summary>Whether samples of a batch act on each other in the base, so that it matters which inputs share one.</summary>
    internal virtual SampleMixing Mixing => SampleMixing.Always;

    /// <summary>The projection of an input that names none.</summary>
    internal virtual ProjectionSpec DefaultProjection(InputSpec input) => input.DefaultProjection;

    /// <summary>What an input that has no mean of its own is standardised by; null for nothing.</summary>
    internal virtual Standardization? CreateStandardization(InputSpec input, ProjectionSpec projection) => null;

    /// <summary>The weights of the module, apart from biases and normalisations; 0 where only the module knows.</summary>
    internal virtual Int128 CountWeights() => 0;

    /// <summary>Weights of the first convolution for each channel that comes in; 0 where there is none that an adapted stem can stand for.</summary>
    internal virtual Int128 FirstWeightsPerChannel => 0;

    /// <summary>What is wrong with the numbers of this description, and the cure; null when nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake() => Channels is < 1 or > Limits.LargestSize
        ? ($"it takes {Channels} channels.", $"Give from 1 to {Limits.LargestSize:N0}.")
        : null;

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this);
}
