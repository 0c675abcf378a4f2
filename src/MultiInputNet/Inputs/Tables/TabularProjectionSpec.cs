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
        new TabularProjection(((TabularInput)input).Features, channels, Height, Width, Normalization, Activation, StandardizedColumns((TabularInput)input));

    internal override Int128 CountWeights(InputSpec input, int channels)
    {
        var columns = ((TabularInput)input).Columns;
        var features = columns?.Sum(column => (long)column.Width) ?? input.Shape[0];
        var embeddings = columns?.OfType<CategoricalColumn>().Sum(column => (column.Categories.Count + 1L) * column.EmbeddingWidth) ?? 0;
        return (Int128)features * channels * Height * Width + embeddings;
    }

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input is not TabularInput
        ? WrongKind("A tabular projection", input, "Use Projections.Convolution for images, Projections.Sequence for sequences and tokens.")
        : Height is < 1 or > Limits.LargestSize || Width is < 1 or > Limits.LargestSize
            ? ($"its grid has {Height}×{Width} cells.", "Give a height and width of at least 1, such as 4×4.")
            : null;

    /// <summary>The columns, with fill values in the unit of what arrives behind the standardisation.</summary>
    private static IReadOnlyList<TabularColumn>? StandardizedColumns(TabularInput input) => input.Mean is null
        ? input.Columns
        : input.Columns?.Select((column, index) => column is NumericColumn numeric
            ? numeric with { Fill = (numeric.Fill - input.Mean[index]) / input.StandardDeviation![index] }
            : column).ToArray();
}
