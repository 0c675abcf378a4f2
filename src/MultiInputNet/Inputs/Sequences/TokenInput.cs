using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A sequence of token numbers: batches are <c>(batch, length)</c>, 64-bit integers from 0 to vocabulary - 1.</summary>
/// <param name="Vocabulary">The number of different tokens.</param>
/// <param name="Length">The number of tokens per sample.</param>
public sealed record TokenInput(int Vocabulary, int Length) : InputSpec
{
    private protected override IReadOnlyList<long> SampleShape => [Length];

    private protected override string KindName => "tokens";

    internal override ProjectionSpec DefaultProjection => new SequenceProjectionSpec();

    internal override ScalarType? BatchType => ScalarType.Int64;

    internal override string? MixupMistake => "mixup mixes numbers, and it has tokens or categories.";

    internal override IEnumerable<(int Index, string Name)> NumericChannels => [];

    internal override int? SequenceLength => Length;

    internal override int? TokenCount => Vocabulary;

    private protected override Tensor Example(Tensor shares) => (shares * Vocabulary).floor();

    internal override (string Problem, string Cure)? FindMistake() =>
        Vocabulary is < 1 or > Limits.LargestVocabulary
            ? ($"its vocabulary has {Vocabulary:N0} tokens.", $"Give a number from 1 to {Limits.LargestVocabulary:N0}.")
            : Mean is not null
                ? ("tokens are numbers of words, for which a mean makes no sense.", "Leave Mean and StandardDeviation out.")
                : base.FindMistake();

    internal override (string Problem, string Cure)? FindMistake(Tensor batch)
    {
        using var scope = NewDisposeScope();
        var (smallest, largest) = (batch.min().ToInt64(), batch.max().ToInt64());
        return smallest < 0 || largest >= Vocabulary
            ? ($"the tokens run from {smallest} to {largest}.", $"With a vocabulary of {Vocabulary} they run from 0 to {Vocabulary - 1}.")
            : null;
    }
}
