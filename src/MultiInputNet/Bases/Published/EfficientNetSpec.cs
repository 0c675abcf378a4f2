namespace MultiInputNet;

/// <summary>Describes an <see cref="EfficientNetBase"/>.</summary>
/// <param name="Channels">The number of channels that the base takes: 3 for published weights.</param>
public sealed record EfficientNetSpec(int Channels = 3) : ImageBaseSpec(Channels)
{
    /// <summary>The variant: 0, 1 or 2 for B0, B1 or B2.</summary>
    /// <value>Default: 0.</value>
    public int Variant { get; init; }

    /// <summary>
    /// The probability of dropping the last block for a sample in training mode (stochastic depth); it grows linearly from 0 at the first.
    /// </summary>
    /// <value>Default: 0.2.</value>
    public double StochasticDepth { get; init; } = 0.2;

    internal override SampleMixing Mixing => SampleMixing.InTraining;

    internal override Int128 FirstWeightsPerChannel => 9 * 32;

    internal override SharedBase Create() => new EfficientNetBase(this);

    internal override Int128 CountWeights() => FirstWeightsPerChannel * Channels + Variant switch { 0 => 3_955_328, 1 => 6_436_112, _ => 7_617_152 };

    internal override (string Problem, string Cure)? FindMistake() =>
        base.FindMistake() is { } mistake ? mistake
        : Variant is < 0 or > 2 ? ($"its variant is {Variant}.", "Give 0, 1 or 2, for B0, B1 or B2.")
        : FindMistakeInChance("stochastic depth", StochasticDepth);
}
