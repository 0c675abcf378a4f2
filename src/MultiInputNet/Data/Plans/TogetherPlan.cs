namespace MultiInputNet.Data;

/// <summary>Every step has a batch from every source.</summary>
internal sealed class TogetherPlan(IReadOnlyList<PlannedSource> sources, long stepsPerEpoch) : SourcePlan(sources, stepsPerEpoch)
{
    private protected override IReadOnlyList<SourceDraw> Draw(long step) =>
        [.. Enumerable.Range(0, SourceCount).Select(source => new SourceDraw(source, step))];

    private protected override long CountBatches(int source, long steps) => steps;
}
