namespace MultiInputNet.Data;

/// <summary>What a plan needs to know of a source.</summary>
internal sealed record PlannedSource(string Name, long Count, int BatchSize)
{
    /// <summary>Batches per pass.</summary>
    public long Batches => BatchOrder.CountBatches(Count, BatchSize);
}
