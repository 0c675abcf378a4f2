namespace MultiInputNet;

/// <summary>A sequence of feature vectors: batches are <c>(batch, features, length)</c>.</summary>
/// <param name="Features">The number of features per step.</param>
/// <param name="Length">The number of steps.</param>
internal sealed record SequenceInput(int Features, int Length) : InputSpec
{
    private protected override IReadOnlyList<long> SampleShape => [Features, Length];

    private protected override string KindName => "sequence";

    internal override ProjectionSpec DefaultProjection => new SequenceProjectionSpec();

    internal override int? SequenceLength => Length;
}
