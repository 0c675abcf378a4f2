namespace MultiInputNet.Data;

/// <summary>How many samples of each class to hold out.</summary>
internal static class SplitCounts
{
    /// <summary>
    /// Apportions a share of all samples to the classes by largest remainders: each class gives its share rounded down, and those with the
    /// largest remainders one more, until the total is reached. Every class keeps a sample; a single one is never held out.
    /// </summary>
    /// <param name="sizes">The samples of each class. Among equal remainders, larger classes come first, then earlier ones.</param>
    /// <param name="share">Above 0 and below 1.</param>
    /// <returns>A count per class.</returns>
    public static int[] Of(IReadOnlyList<int> sizes, double share)
    {
        // Decimals, so that a fifth of 15 is 3 and equal remainders are equal.
        var (all, divided) = (sizes.Sum(), sizes.Where(size => size > 1).Sum());
        var total = (int)Math.Round(all * (decimal)share, MidpointRounding.AwayFromZero);
        var quotas = sizes.Select(size => size > 1 ? size * ((decimal)share * all / divided) : 0).ToArray();
        var counts = sizes.Zip(quotas, (size, quota) => Math.Min((int)quota, size - 1)).ToArray();
        for (var missing = total - counts.Sum(); missing > 0;)
        {
            var next = Enumerable.Range(0, counts.Length)
                .Where(index => counts[index] < sizes[index] - 1)
                .OrderByDescending(index => quotas[index] - counts[index])
                .ThenByDescending(index => sizes[index])
                .Take(missing)
                .ToArray();
            if (next.Length == 0)
                break;
            foreach (var index in next)
                counts[index]++;
            missing -= next.Length;
        }

        return counts;
    }
}
