namespace MultiInputNet.Data;

/// <summary>
/// The order in which a source's samples are trained on: shuffled anew for each pass, as a pure function of the seed, the
/// source's name and the step.
/// </summary>
/// <param name="seed">The seed.</param>
/// <param name="source">The source's name.</param>
/// <param name="count">How many samples it has.</param>
/// <param name="batchSize">Samples per batch; all samples if there are fewer.</param>
internal sealed class BatchOrder(long seed, string source, long count, int batchSize)
{
    private long shuffledPass = -1;
    private long[] order = [];

    /// <summary>Samples per batch.</summary>
    public int BatchSize { get; } = (int)Math.Min(count, batchSize);

    /// <summary>Batches per pass; the samples that do not fill a batch wait for the next pass's shuffle.</summary>
    public long BatchesPerPass { get; } = CountBatches(count, batchSize);

    public static long CountBatches(long count, int batchSize) => Math.Max(1, count / batchSize);

    /// <summary>Consecutive sample numbers.</summary>
    public static long[] Range(long start, long count)
    {
        var rows = new long[count];
        for (var i = 0; i < rows.Length; i++)
            rows[i] = start + i;
        return rows;
    }

    /// <summary>The sample numbers of a step's batch.</summary>
    public ReadOnlySpan<long> At(long step)
    {
        var pass = step / BatchesPerPass;
        if (pass != shuffledPass)
        {
            order = SeededOrder.Of(count, seed, source, pass);
            shuffledPass = pass;
        }

        return order.AsSpan((int)(step % BatchesPerPass) * BatchSize, BatchSize);
    }
}
