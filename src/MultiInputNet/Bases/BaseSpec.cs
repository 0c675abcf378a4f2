using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>Describes the shared base of a model. Created with <see cref="Bases"/>.</summary>
/// <param name="Channels">The number of channels that the base takes; every input is projected to them.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(ConvNetSpec), "convnet")]
[JsonDerivedType(typeof(ResNetSpec), "resnet")]
[JsonDerivedType(typeof(MobileNetV3Spec), "mobilenet_v3")]
[JsonDerivedType(typeof(EfficientNetSpec), "efficientnet")]
[JsonDerivedType(typeof(ConvNeXtSpec), "convnext")]
[JsonDerivedType(typeof(VisionTransformerSpec), "vision_transformer")]
[JsonDerivedType(typeof(TorchScriptSpec), "torchscript")]
[JsonDerivedType(typeof(GraphSpec), "graph")]
[JsonDerivedType(typeof(CustomBaseSpec), "custom")]
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract record BaseSpec(int Channels)
{
    internal abstract SharedBase Create();

    /// <summary>How many values of maps may be in memory at one time for one sample, where the description comes from a file.</summary>
    [JsonIgnore]
    internal virtual long LargestPass => long.MaxValue;

    /// <summary>Whether samples of a batch affect each other in the base, so that it matters which inputs share one.</summary>
    internal virtual SampleMixing Mixing => SampleMixing.Always;

    /// <summary>The default projection of an input.</summary>
    internal virtual ProjectionSpec DefaultProjection(InputSpec input) => input.DefaultProjection;

    /// <summary>The default standardisation of an input without a mean of its own; null for none.</summary>
    internal virtual Standardization? CreateStandardization(InputSpec input, ProjectionSpec projection) => null;

    /// <summary>The number of weights of the module, apart from biases and normalisations; 0 if only the module knows.</summary>
    internal virtual Int128 CountWeights() => 0;

    /// <summary>
    /// The number of weights of the first convolution per input channel; 0 if there is none that an adapted stem can replace.
    /// </summary>
    internal virtual Int128 FirstWeightsPerChannel => 0;

    /// <summary>What is wrong with the numbers of this description, and the cure; null if nothing is.</summary>
    internal virtual (string Problem, string Cure)? FindMistake() => Channels is < 1 or > Limits.LargestSize
        ? ($"it takes {Channels} channels.", $"Give from 1 to {Limits.LargestSize:N0}.")
        : null;

    /// <inheritdoc/>
    public sealed override string ToString() => RecordText.Of(this, GetType());
}
