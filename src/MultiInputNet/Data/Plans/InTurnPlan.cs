namespace MultiInputNet.Data;

/// <summary>The sources take turns: each step has a batch from one source.</summary>
internal sealed class InTurnPlan(IReadOnlyList<PlannedSource> sources, long stepsPerEpoch) : SourcePlan(sources, stepsPerEpoch)
{
    private protected override IReadOnlyList<SourceDraw> Draw(long step) => [new((int)(step % SourceCount), step / SourceCount)];

    private protected override long CountBatches(int source, long steps) => (steps + SourceCount - 1 - source) / SourceCount;
}
