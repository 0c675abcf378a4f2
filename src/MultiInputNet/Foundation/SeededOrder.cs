namespace MultiInputNet;

/// <summary>Random orders as pure functions of a seed: the same on every machine and with every version of .NET and torch.</summary>
internal static class SeededOrder
{
    /// <summary>The numbers from 0 to <paramref name="count"/> - 1, in the order determined by a seed, a name and an index.</summary>
    public static long[] Of(long count, long seed, string name, long index)
    {
        // FNV-1a over the name, then SplitMix64 (Steele, Lea and Flood, 2014): the same everywhere, unlike string hashes.
        var state = 14695981039346656037UL;
        foreach (var character in name)
            state = (state ^ character) * 1099511628211UL;
        state ^= Mix((ulong)seed) ^ Mix(Mix((ulong)index + 1));

        var order = new long[count];
        for (var i = 0L; i < count; i++)
        {
            // Fisher and Yates, filling from the front.
            state += 0x9E3779B97F4A7C15UL;
            var j = (long)Math.BigMul(Mix(state), (ulong)(i + 1), out _);
            order[i] = order[j];
            order[j] = i;
        }

        return order;
    }

    /// <summary>A seed for everything that is drawn at random in a batch of a training.</summary>
    public static long SeedOf(long seed, long batch) => (long)Mix(Mix((ulong)seed) ^ Mix((ulong)batch + 1));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
