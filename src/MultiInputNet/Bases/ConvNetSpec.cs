namespace MultiInputNet;

/// <summary>Describes a <see cref="ConvNetBase"/>, of any width and depth.</summary>
/// <param name="Channels">The number of channels that the base takes.</param>
public sealed record ConvNetSpec(int Channels) : BaseSpec(Channels)
{
    /// <summary>The channels of each stage, from first to last.</summary>
    /// <value>Default: 64, 128.</value>
    public IReadOnlyList<int> Widths { get; init; } = [64, 128];

    /// <summary>The number of convolutions per stage.</summary>
    /// <value>Default: 1.</value>
    public int Depth { get; init; } = 1;

    /// <summary>The normalisation after each convolution.</summary>
    /// <value>Default: <see cref="Normalization.None"/>.</value>
    public Normalization Normalization { get; init; }

    /// <summary>The non-linearity after each convolution.</summary>
    /// <value>Default: <see cref="Activation.ReLU"/>.</value>
    public Activation Activation { get; init; } = Activation.ReLU;

    /// <summary>The pooling after each stage.</summary>
    /// <value>Default: <see cref="Pooling.Max"/>.</value>
    public Pooling Pooling { get; init; }

    /// <summary>Whether each convolution adds its input to its output, through a 1×1 convolution if the channels differ.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool Residual { get; init; }

    internal override SampleMixing Mixing => Normalization == Normalization.Batch ? SampleMixing.InTraining : SampleMixing.Never;

    internal override Int128 FirstWeightsPerChannel => Residual ? 0 : 9 * Widths[0];

    internal override SharedBase Create() => new ConvNetBase(this);

    internal override Int128 CountWeights() => Widths.Prepend(Channels)
        .Zip(Widths, (from, to) => 9 * ((Int128)from * to + (Depth - 1) * (Int128)to * to) + (Residual && from != to ? (Int128)from * to : 0))
        .Aggregate((sum, stage) => sum + stage);

    internal override (string Problem, string Cure)? FindMistake() =>
        base.FindMistake() is { } mistake ? mistake
        : Widths.Count is 0 or > 100 || Widths.Any(width => width is < 1 or > Limits.LargestSize)
            ? ($"its stages have widths {Shapes.Text(Widths.Select(w => (long)w))}.",
                $"Give from 1 to 100 stages, each of 1 to {Limits.LargestSize:N0} channels.")
        : Depth is < 1 or > Limits.LargestDepth ? ($"its depth is {Depth}.", $"Give from 1 to {Limits.LargestDepth:N0} convolutions per stage.")
        : null;
}
