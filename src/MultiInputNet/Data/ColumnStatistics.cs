namespace MultiInputNet.Data;

/// <summary>What the training rows show of a column, gathered row by row.</summary>
/// <param name="largestCategoryCount">How many different texts are remembered.</param>
internal sealed class ColumnStatistics(int largestCategoryCount)
{
    private readonly HashSet<string> texts = [];
    private double squares;

    /// <summary>Texts that are not missing.</summary>
    public long Count { get; private set; }

    public long Missing { get; private set; }

    public double Mean { get; private set; }

    public double Deviation => Count == 0 || Math.Sqrt(squares / Count) is not (> 1e-30 and var deviation) ? 1 : deviation;

    /// <summary>The first text that is no number, and its line.</summary>
    public (string Text, long Line)? NoNumber { get; private set; }

    /// <summary>Whether there are more different texts than are remembered.</summary>
    public bool HasTooMany => texts.Count > largestCategoryCount;

    /// <summary>The different texts: numbers by their size, others by their characters.</summary>
    public string[] Texts => NoNumber is null
        ? [.. texts.OrderBy(text => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture)).ThenBy(text => text, StringComparer.Ordinal)]
        : [.. texts.Order(StringComparer.Ordinal)];

    /// <summary>Whether the texts are all whole numbers from 0 or 1 on, at most 100 of them: the numbers of classes.</summary>
    public bool LooksLikeClasses =>
        NoNumber is not null || (texts.Count is > 0 and <= 100 && !HasTooMany && Texts is var sorted && sorted[0] is "0" or "1"
            && sorted.Select((text, index) => text == $"{index + int.Parse(sorted[0], System.Globalization.CultureInfo.InvariantCulture)}").All(isNext => isNext));

    public void AddMissing() => Missing++;

    public void Add(string text, long line)
    {
        Count++;
        if (!HasTooMany)
            texts.Add(text);
        if (NoNumber is not null)
            return;
        if (!TableEncoder.TryParse(text, out var number))
        {
            NoNumber = (text, line);
            return;
        }

        // Welford (1962): no sum of squares that drowns the differences.
        var difference = number - Mean;
        Mean += difference / Count;
        squares += difference * (number - Mean);
    }
}
