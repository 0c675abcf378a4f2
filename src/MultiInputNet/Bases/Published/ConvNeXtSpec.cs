namespace MultiInputNet;

/// <summary>Describes a <see cref="ConvNeXtBase"/>; by default ConvNeXt-Tiny.</summary>
/// <param name="Channels">The number of channels that the base takes: 3 for published weights.</param>
public sealed record ConvNeXtSpec(int Channels = 3) : ImageBaseSpec(Channels)
{
    /// <summary>The channels of each stage.</summary>
    /// <value>Default: 96, 192, 384, 768.</value>
    public IReadOnlyList<int> Widths { get; init; } = [96, 192, 384, 768];

    /// <summary>The blocks of each stage, as many numbers as <see cref="Widths"/>.</summary>
    /// <value>Default: 3, 3, 9, 3.</value>
    public IReadOnlyList<int> Depths { get; init; } = [3, 3, 9, 3];

    /// <summary>
    /// The probability of dropping the last block for a sample in training mode (stochastic depth); it grows linearly from 0 at the first.
    /// </summary>
    /// <value>Default: 0.1.</value>
    public double StochasticDepth { get; init; } = 0.1;

    /// <summary>The smallest number of rows and columns that leaves anything of a map.</summary>
    internal int SmallestSize => 4 << (Widths.Count - 1);

    internal override SampleMixing Mixing => StochasticDepth > 0 ? SampleMixing.InTraining : SampleMixing.Never;

    internal override Int128 FirstWeightsPerChannel => 16 * (Int128)Widths[0];

    internal override SharedBase Create() => new ConvNeXtBase(this);

    internal override Int128 CountWeights() => FirstWeightsPerChannel * Channels
        + Widths.Zip(Widths.Skip(1), (from, to) => 4 * (Int128)from * to).Aggregate((Int128)0, (sum, count) => sum + count)
        + Widths.Zip(Depths, (width, depth) => depth * (8 * (Int128)width * width + 50 * (Int128)width)).Aggregate((sum, count) => sum + count);

    internal override (string Problem, string Cure)? FindMistake() =>
        base.FindMistake() is { } mistake ? mistake
        : Widths.Count is < 1 or > 8 || Widths.Any(width => width is < 1 or > Limits.LargestSize)
            ? ($"its stages have widths {Shapes.Text(Widths.Select(w => (long)w))}.", $"Give from 1 to 8 stages, each of 1 to {Limits.LargestSize:N0} channels.")
        : Depths.Count != Widths.Count || Depths.Any(depth => depth is < 1 or > Limits.LargestDepth)
            ? ($"its stages have {Shapes.Text(Depths.Select(d => (long)d))} blocks.", $"Give {Widths.Count} numbers from 1 to {Limits.LargestDepth:N0}, one a stage.")
        : FindMistakeInChance("stochastic depth", StochasticDepth);
}
