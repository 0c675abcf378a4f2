using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes an <see cref="InputProjection"/>: the default for images.</summary>
public sealed record ConvolutionProjectionSpec : ProjectionSpec
{
    /// <summary>The normalisation behind the convolution.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity at the end.</summary>
    /// <value>Default: <see cref="Activation.None"/>.</value>
    public Activation Activation { get; init; }

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, int channels) =>
        new InputProjection(((ImageInput)input).Channels, channels, Normalization, Activation);

    internal override Int128 CountWeights(InputSpec input, int channels) => (Int128)input.Shape[0] * channels;

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input is ImageInput
        ? null
        : WrongKind("A 1×1 convolution", input, "Use Projections.Tabular for tables, Projections.Sequence for sequences and tokens.");
}
