namespace MultiInputNet.Data;

/// <summary>
/// The order in which a source's samples are trained on: shuffled anew for each pass, as a pure function of the seed, the
/// source's name and the step.
/// </summary>
/// <param name="seed">The seed.</param>
/// <param name="source">The source's name.</param>
/// <param name="count">How many samples it has.</param>
/// <param name="batchSize">Samples in a batch; all samples where there are fewer.</param>
internal sealed class BatchOrder(long seed, string source, long count, int batchSize)
{
    private long shuffledPass = -1;
    private long[] order = [];

    /// <summary>Batches in one pass; the samples that do not fill a batch wait for the next pass's shuffle.</summary>
    public long BatchesPerPass { get; } = Math.Max(1, count / batchSize);

    /// <summary>A seed for all that is drawn at random in a batch.</summary>
    public static long Seed(long seed, long batch) => (long)Mix(Mix((ulong)seed) ^ Mix((ulong)batch + 1));

    /// <summary>So many sample numbers one after the other.</summary>
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
            order = Shuffle(pass);
            shuffledPass = pass;
        }

        var size = (int)Math.Min(count, batchSize);
        return order.AsSpan((int)(step % BatchesPerPass) * size, size);
    }

    private long[] Shuffle(long pass)
    {
        // FNV-1a over the name, then SplitMix64 (Steele, Lea and Flood, 2014): the same everywhere, unlike string hashes.
        var state = 14695981039346656037UL;
        foreach (var character in source)
            state = (state ^ character) * 1099511628211UL;
        state ^= Mix((ulong)seed) ^ Mix(Mix((ulong)pass + 1));

        var shuffled = new long[count];
        for (var i = 0L; i < count; i++)
        {
            // Fisher and Yates, filling from the front.
            state += 0x9E3779B97F4A7C15UL;
            var j = (long)Math.BigMul(Mix(state), (ulong)(i + 1), out _);
            shuffled[i] = shuffled[j];
            shuffled[j] = i;
        }

        return shuffled;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
