using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a <see cref="SequenceProjection"/> or <see cref="TokenProjection"/>: the default for sequences and tokens.</summary>
public sealed record SequenceProjectionSpec : ProjectionSpec
{
    /// <summary>Steps that each output step sees; odd, so that it stands in their middle.</summary>
    /// <value>Default: 7.</value>
    public int KernelSize { get; init; } = 7;

    /// <summary>Steps from one output step to the next: 2 halves the length.</summary>
    /// <value>Default: 1.</value>
    public int Stride { get; init; } = 1;

    /// <summary>Rows of the grid that the sequence is folded onto, line by line. 1 keeps it one line.</summary>
    /// <value>Default: <see langword="null"/>, as many as make the grid nearly square.</value>
    public int? Rows { get; init; }

    /// <summary>The normalisation behind the convolution.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity at the end.</summary>
    /// <value>Default: <see cref="Activation.None"/>.</value>
    public Activation Activation { get; init; }

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, int channels) => input switch
    {
        SequenceInput sequence => new SequenceProjection(
            sequence.Features, channels, sequence.Length, KernelSize, Stride, Rows, Normalization, Activation),
        TokenInput tokens => new TokenProjection(
            tokens.Vocabulary, channels, tokens.Length, KernelSize, Stride, Rows, Normalization, Activation),
        _ => throw new NotSupportedException(input.Kind),
    };

    internal override Int128 CountWeights(InputSpec input, int channels) => input is TokenInput tokens
        ? (Int128)tokens.Vocabulary * channels + (Int128)channels * channels * KernelSize
        : (Int128)input.Shape[0] * channels * KernelSize;

    internal override (string Problem, string Cure)? FindMistake(InputSpec input)
    {
        if (input is not (SequenceInput or TokenInput))
            return WrongKind("A sequence projection", input, "Use Projections.Convolution for images, Projections.Tabular for tables.");
        if (KernelSize is < 1 or > Limits.LargestSize || KernelSize % 2 == 0)
            return ($"its kernel size is {KernelSize}.", "Give an odd number of at least 1.");
        var length = input.Shape[^1];
        if (Stride < 1 || Stride > length)
            return ($"its stride is {Stride}.", $"Give from 1 to {length}.");
        var steps = (length + Stride - 1) / Stride;
        return Rows < 1 || Rows > steps ? ($"it folds {steps} steps into {Rows} rows.", $"Give from 1 to {steps} rows.") : null;
    }
}
