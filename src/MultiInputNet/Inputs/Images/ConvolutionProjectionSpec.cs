using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes an <see cref="InputProjection"/>: the default for images.</summary>
internal sealed record ConvolutionProjectionSpec : ProjectionSpec
{
    /// <summary>The normalisation after the convolution.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity at the end.</summary>
    /// <value>Default: <see cref="Activation.None"/>.</value>
    public Activation Activation { get; init; }

    private protected override (Normalization Normalization, Activation Activation) Ending => (Normalization, Activation);

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target) =>
        new InputProjection(input.MapChannels!.Value, target.Channels, Normalization, Activation);

    internal override Int128 CountWeights(InputSpec input, ProjectionTarget target) => (Int128)input.Shape[0] * target.Channels;

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input.MapChannels is not null
        ? null
        : WrongKind("A 1×1 convolution", input, "Use Projections.Tabular for tables, Projections.Sequence for sequences and tokens.");
}
