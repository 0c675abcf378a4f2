namespace MultiInputNet;

/// <summary>Describes a <see cref="MobileNetV3Base"/>.</summary>
/// <param name="Channels">The number of channels that the base takes: 3 for published weights.</param>
public sealed record MobileNetV3Spec(int Channels = 3) : ImageBaseSpec(Channels)
{
    /// <summary>Whether it is the large variant instead of the small one.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool Large { get; init; }

    internal override SampleMixing Mixing => SampleMixing.InTraining;

    internal override Int128 FirstWeightsPerChannel => 9 * 16;

    internal override SharedBase Create() => new MobileNetV3Base(this);

    internal override Int128 CountWeights() => FirstWeightsPerChannel * Channels + (Large ? 2_942_040 : 911_576);
}
