using System.Text;

namespace MultiInputNet.Data;

/// <summary>Reads the rows of a table one by one. Lines without any character are passed over.</summary>
internal sealed class CsvReader : IDisposable
{
    private const int LargestField = 1 << 20;

    private readonly TextReader text;
    private readonly char delimiter;
    private readonly StringBuilder field = new();
    private readonly List<string> cells = [];
    private bool isBuffered;
    private long line = 1;

    /// <summary>Reads the header, or the number of columns from the first row.</summary>
    /// <exception cref="InvalidDataException">There is no row, or two columns have one name.</exception>
    public CsvReader(TextReader text, CsvFormat format)
    {
        this.text = text;
        delimiter = format.Delimiter;
        if (!ReadRow())
            throw new InvalidDataException("It holds no row.");
        Columns = format.HasHeader ? [.. cells.Select(name => name.Trim())] : [.. cells.Select((_, index) => $"column{index + 1}")];
        isBuffered = !format.HasHeader;
        if (Columns.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key is { } twice)
            throw new InvalidDataException($"Its header names column '{twice}' several times.");
    }

    public IReadOnlyList<string> Columns { get; }

    /// <summary>The fields of the current row; more or fewer than the columns where the row is ragged.</summary>
    public IReadOnlyList<string> Cells => cells;

    /// <summary>The line in which the current row begins, from 1.</summary>
    public long Line { get; private set; }

    /// <summary>Goes to the next row; false behind the last.</summary>
    /// <exception cref="InvalidDataException">A field is longer than any should be, or its quote never closes.</exception>
    public bool Read()
    {
        if (!isBuffered)
            return ReadRow();
        isBuffered = false;
        return true;
    }

    public void Dispose() => text.Dispose();

    private bool ReadRow()
    {
        cells.Clear();
        while (text.Peek() is '\r' or '\n')
            ReadLineEnd(text.Read());
        if (text.Peek() < 0)
            return false;
        Line = line;
        while (true)
        {
            var end = ReadField();
            if (cells.Count > Limits.LargestSize)
                throw new InvalidDataException($"Line {Line} has more than {Limits.LargestSize:N0} fields.");
            if (end == delimiter)
                continue;
            if (end >= 0)
                ReadLineEnd(end);
            return true;
        }
    }

    /// <summary>Reads a field into the row and gives the character that ended it, -1 for the end of the file.</summary>
    private int ReadField()
    {
        field.Clear();
        var isQuoted = text.Peek() == '"';
        if (isQuoted)
            ReadQuoted();
        while (true)
        {
            var next = text.Read();
            if (next < 0 || next == delimiter || next is '\r' or '\n')
            {
                cells.Add(field.ToString());
                return next;
            }

            Append(next);
        }
    }

    private void ReadQuoted()
    {
        var opened = line;
        text.Read();
        while (true)
        {
            var next = text.Read();
            if (next < 0)
                throw new InvalidDataException($"The quote that line {opened} opens is not closed.");
            if (next == '"')
            {
                if (text.Peek() != '"')
                    return;
                text.Read();
            }

            if (next == '\n')
                line++;
            Append(next);
        }
    }

    private void Append(int character)
    {
        if (field.Length == LargestField)
            throw new InvalidDataException($"A field of line {Line} has more than {LargestField:N0} characters; is a quote not closed, or the delimiter another one?");
        field.Append((char)character);
    }

    private void ReadLineEnd(int character)
    {
        if (character == '\r' && text.Peek() == '\n')
            text.Read();
        line++;
    }
}
