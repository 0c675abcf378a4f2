namespace MultiInputNet.Data;

/// <summary>What the training rows reveal about a column.</summary>
internal sealed class ColumnSummary
{
    private const int ShownCount = 3;

    /// <param name="name">Its name.</param>
    /// <param name="cells">Its cells.</param>
    /// <param name="rows">The training rows.</param>
    /// <param name="lines">The line of each row in the file.</param>
    public ColumnSummary(string name, TableCells cells, IReadOnlyList<int> rows, IReadOnlyList<long> lines)
    {
        (Name, Cells, Rows) = (name, cells, rows.Count);
        var counts = cells.HasTooMany ? null : new int[cells.Texts.Count];
        var (squares, last, counting) = (0.0, double.NaN, true);
        foreach (var row in rows)
        {
            if (counts is not null && cells.Code(row) is >= 0 and var code)
                counts[code]++;
            var number = cells.Number(row);
            counting &= double.IsNaN(last) || number == last + 1;
            last = number;
            if (double.IsNaN(number))
            {
                if (cells.OddNumberText(row) is { } odd && ++Odd <= ShownCount)
                    shown.Add($"'{TableEncoder.Short(odd)}' in line {lines[row]}");
                continue;
            }

            // Welford (1962): avoids a sum of squares that would drown the differences.
            Numbers++;
            var difference = number - Mean;
            Mean += difference / Numbers;
            squares += difference * (number - Mean);
            IsWhole &= number == Math.Floor(number);
        }

        Deviation = Numbers > 0 && Math.Sqrt(squares / Numbers) is > 1e-30 and var deviation ? deviation : 1;
        IsConstant = squares == 0;
        CountsRows = counting && IsWhole && Numbers == Rows && Rows > 1;
        Texts = counts is null ? null : [.. cells.Texts.Zip(counts).Where(pair => pair.Second > 0)];
    }

    private readonly List<string> shown = [];

    public string Name { get; }

    public TableCells Cells { get; }

    public int Rows { get; }

    /// <summary>The number of cells that are numbers.</summary>
    public int Numbers { get; }

    /// <summary>The number of cells that are neither numbers nor missing.</summary>
    public int Odd { get; }

    /// <summary>The number of cells that are not missing.</summary>
    public int Present => Numbers + Odd;

    /// <summary>The first odd cell with its line.</summary>
    public string? FirstOdd => shown.FirstOrDefault();

    /// <summary>The first odd cells with their lines.</summary>
    public string ShownOdd => string.Join(", ", shown) + (Odd > ShownCount ? ", …" : "");

    public double Mean { get; }

    public double Deviation { get; }

    public bool IsWhole { get; } = true;

    /// <summary>Whether all numbers are the same.</summary>
    public bool IsConstant { get; }

    /// <summary>Whether each number is one more than the number before it.</summary>
    public bool CountsRows { get; }

    /// <summary>The distinct texts and how many cells hold each; null if there are too many.</summary>
    public IReadOnlyList<(string Text, int Count)>? Texts { get; }
}
