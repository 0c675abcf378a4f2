using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="TabularProjection"/>: the default for tables.</summary>
internal sealed record TabularProjectionSpec : ProjectionSpec
{
    /// <summary>Rows of the grid onto which the table is mapped.</summary>
    /// <value>Default: 4.</value>
    public int Height { get; init; } = 4;

    /// <summary>Columns of the grid onto which the table is mapped.</summary>
    /// <value>Default: 4.</value>
    public int Width { get; init; } = 4;

    /// <summary>The normalisation after the linear layer.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity at the end.</summary>
    /// <value>Default: <see cref="Activation.None"/>.</value>
    public Activation Activation { get; init; }

    private protected override (Normalization Normalization, Activation Activation) Ending => (Normalization, Activation);

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target)
    {
        var (features, columns) = input.TableColumns!.Value;
        return new TabularProjection(features, target.Channels, Height, Width, Normalization, Activation, columns);
    }

    internal override Int128 CountWeights(InputSpec input, ProjectionTarget target)
    {
        var (features, columns) = input.TableColumns!.Value;
        return (Int128)(columns?.Sum(column => (long)column.Width) ?? features) * target.Channels * Height * Width
            + (columns?.Sum(column => column.CountWeights()) ?? 0);
    }

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input.TableColumns is null
        ? WrongKind("A tabular projection", input, "Use Projections.Convolution for images, Projections.Sequence for sequences and tokens.")
        : Height is < 1 or > Limits.LargestSize || Width is < 1 or > Limits.LargestSize
            ? ($"its grid has {Height}×{Width} cells.", "Give a height and width of at least 1, such as 4×4.")
            : null;
}
