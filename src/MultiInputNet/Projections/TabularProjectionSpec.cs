using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="TabularProjection"/>: the default for tables.</summary>
public sealed record TabularProjectionSpec : ProjectionSpec
{
    /// <summary>Rows of the grid that the table is laid onto.</summary>
    /// <value>Default: 4.</value>
    public int Height { get; init; } = 4;

    /// <summary>Columns of the grid that the table is laid onto.</summary>
    /// <value>Default: 4.</value>
    public int Width { get; init; } = 4;

    /// <summary>The normalisation behind the linear layer.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity at the end.</summary>
    /// <value>Default: <see cref="Activation.None"/>.</value>
    public Activation Activation { get; init; }

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, int channels) =>
        new TabularProjection(((TabularInput)input).Features, channels, Height, Width, Normalization, Activation);

    internal override Int128 CountWeights(InputSpec input, int channels) => (Int128)input.Shape[0] * channels * Height * Width;

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input is not TabularInput
        ? WrongKind("A tabular projection", input, "Use Projections.Convolution for images, Projections.Sequence for sequences and tokens.")
        : Height is < 1 or > Limits.LargestSize || Width is < 1 or > Limits.LargestSize
            ? ($"its grid has {Height}×{Width} cells.", "Give a height and width of at least 1, such as 4×4.")
            : null;
}
