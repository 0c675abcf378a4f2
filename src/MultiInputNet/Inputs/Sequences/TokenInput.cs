namespace MultiInputNet;

/// <summary>A sequence of token numbers: batches are <c>(batch, length)</c> of 64-bit integers from 0 to vocabulary - 1.</summary>
/// <param name="Vocabulary">How many different tokens there are.</param>
/// <param name="Length">Tokens in a sample.</param>
public sealed record TokenInput(int Vocabulary, int Length) : InputSpec
{
    private protected override IReadOnlyList<long> SampleShape => [Length];

    private protected override string KindName => "tokens";

    internal override ProjectionSpec DefaultProjection => new SequenceProjectionSpec();

    internal override (string Problem, string Cure)? FindMistake() =>
        Vocabulary is < 1 or > Limits.LargestVocabulary
            ? ($"its vocabulary has {Vocabulary:N0} tokens.", $"Give from 1 to {Limits.LargestVocabulary:N0}.")
            : Mean is not null
                ? ("tokens are numbers of words and have no mean.", "Leave Mean and StandardDeviation out.")
                : base.FindMistake();
}
