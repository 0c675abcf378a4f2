using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="SequenceProjection"/> or <see cref="TokenProjection"/>: the default for sequences and tokens.</summary>
internal sealed record SequenceProjectionSpec : ProjectionSpec
{
    /// <summary>The number of steps that each output step sees; odd, so that it is centred.</summary>
    /// <value>Default: 7.</value>
    public int KernelSize { get; init; } = 7;

    /// <summary>The stride in steps: 2 halves the length.</summary>
    /// <value>Default: 1.</value>
    public int Stride { get; init; } = 1;

    /// <summary>Rows of the grid onto which the sequence is folded, row by row. 1 keeps it in one line.</summary>
    /// <value>Default: <see langword="null"/>, which makes the grid nearly square.</value>
    public int? Rows { get; init; }

    /// <summary>The normalisation after the convolution.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity at the end.</summary>
    /// <value>Default: <see cref="Activation.None"/>.</value>
    public Activation Activation { get; init; }

    private protected override (Normalization Normalization, Activation Activation) Ending => (Normalization, Activation);

    internal override int StepsPerPosition => Stride;

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target)
    {
        var length = input.SequenceLength!.Value;
        return input.TokenCount is { } tokens
            ? new TokenProjection(tokens, target.Channels, length, KernelSize, Stride, Rows, Normalization, Activation)
            : new SequenceProjection((int)input.Shape[0], target.Channels, length, KernelSize, Stride, Rows, Normalization, Activation);
    }

    internal override Int128 CountWeights(InputSpec input, ProjectionTarget target) => input.TokenCount is { } tokens
        ? (Int128)tokens * target.Channels + (Int128)target.Channels * target.Channels * KernelSize
        : (Int128)input.Shape[0] * target.Channels * KernelSize;

    internal override (string Problem, string Cure)? FindMistake(InputSpec input)
    {
        if (input.SequenceLength is not { } length)
            return WrongKind("A sequence projection", input, "Use Projections.Convolution for images, Projections.Tabular for tables.");
        if (KernelSize is < 1 or > Limits.LargestSize || KernelSize % 2 == 0)
            return ($"its kernel size is {KernelSize}.", "Give an odd number of at least 1.");
        if (Stride < 1 || Stride > length)
            return ($"its stride is {Stride}.", $"Give a number from 1 to {length}.");
        var steps = (length + Stride - 1) / Stride;
        return Rows < 1 || Rows > steps ? ($"it folds {steps} steps into {Rows} rows.", $"Give 1 to {steps} rows.") : null;
    }
}
