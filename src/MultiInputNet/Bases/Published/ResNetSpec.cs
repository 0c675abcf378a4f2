namespace MultiInputNet;

/// <summary>Describes a <see cref="ResNetBase"/>.</summary>
/// <param name="Channels">The number of channels that the base takes: 3 for published weights.</param>
public sealed record ResNetSpec(int Channels = 3) : ImageBaseSpec(Channels)
{
    /// <summary>The number of layers with weights, including the classifier: 18, 34, 50 or 101.</summary>
    /// <value>Default: 18.</value>
    public int Depth { get; init; } = 18;

    /// <summary>The normalisation after each convolution. Without it, the convolutions have biases.</summary>
    /// <value>Default: <see cref="Normalization.Batch"/>, which published weights need.</value>
    public Normalization Normalization { get; init; } = Normalization.Batch;

    /// <summary>The number of blocks in each of the four layers.</summary>
    internal int[] Blocks => Depth switch { 18 => [2, 2, 2, 2], 34 or 50 => [3, 4, 6, 3], _ => [3, 4, 23, 3] };

    /// <summary>Whether a block is 1×1, 3×3, 1×1 with four times as many channels at its ends, instead of 3×3, 3×3.</summary>
    internal bool Bottleneck => Depth >= 50;

    internal override SampleMixing Mixing => Normalization == Normalization.Batch ? SampleMixing.InTraining : SampleMixing.Never;

    internal override Int128 FirstWeightsPerChannel => 49 * 64;

    internal override SharedBase Create() => new ResNetBase(this);

    internal override Int128 CountWeights() => FirstWeightsPerChannel * Channels + Depth switch
    {
        18 => 11_157_504,
        34 => 21_258_240,
        50 => 23_445_504,
        _ => 42_385_408,
    };

    internal override (string Problem, string Cure)? FindMistake() =>
        base.FindMistake() is { } mistake ? mistake
        : Depth is not (18 or 34 or 50 or 101) ? ($"its depth is {Depth}.", "Give 18, 34, 50 or 101.")
        : null;
}
