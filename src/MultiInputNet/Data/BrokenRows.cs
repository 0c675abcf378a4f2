namespace MultiInputNet.Data;

/// <summary>The rows of a table that were skipped: the first of them with what is wrong, and how many there are.</summary>
/// <param name="subject">The table, for messages, such as <c>file 'iris.csv'</c>.</param>
internal sealed class BrokenRows(string subject)
{
    /// <summary>How many are listed: a small compressed file may hold millions.</summary>
    public const int LargestCount = 1000;

    private readonly List<(long Line, string Problem)> rows = [];
    private long count;

    /// <summary>Adds a row; in any order, as long as each pass over the file adds its rows in file order.</summary>
    public void Add(long line, Func<string> problem)
    {
        count++;
        if (rows.Count < 2 * LargestCount)
            rows.Add((line, problem()));
    }

    /// <summary>The rows by line; after the first thousand, one entry says how many more there are.</summary>
    public IReadOnlyList<BrokenSample> List()
    {
        var first = rows.OrderBy(row => row.Line).Take(LargestCount).Select(row => new BrokenSample { Place = Place(row.Line), Problem = row.Problem });
        return count <= LargestCount ? [.. first]
            :
            [
                .. first,
                new()
                {
                    Place = subject,
                    Problem = FormattableString.Invariant($"{count - LargestCount:N0} more of its rows cannot be read; the first {LargestCount:N0} are listed."),
                },
            ];
    }

    /// <summary>Throws for the first row, if there is one.</summary>
    /// <exception cref="MultiInputException">There is.</exception>
    public void Throw()
    {
        if (rows.Count > 0)
        {
            var (line, problem) = rows.MinBy(row => row.Line);
            throw new MultiInputException(Place(line), ModelComponent.File, problem, "Correct it, or skip such rows with OnBroken.Skip.");
        }
    }

    public BrokenRows Copy()
    {
        var copy = new BrokenRows(subject) { count = count };
        copy.rows.AddRange(rows);
        return copy;
    }

    private string Place(long line) => FormattableString.Invariant($"{subject}, line {line}");
}
