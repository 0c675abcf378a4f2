using System.Globalization;
using nietras.SeparatedValues;

namespace MultiInputNet.Data;

/// <summary>Reads the rows of a table one by one, skipping empty lines.</summary>
internal sealed class CsvReader : IDisposable
{
    private const int LargestField = 1 << 20;

    private readonly SepReader reader;
    private readonly char delimiter;
    private readonly bool hasQuotes;
    private char[] unquoted = new char[256];
    private bool isBuffered;

    /// <summary>Reads the header, or the number of columns from the first row.</summary>
    /// <exception cref="InvalidDataException">There is no row, or two columns have the same name.</exception>
    public CsvReader(TextReader text, CsvFormat format)
    {
        (delimiter, hasQuotes) = (format.Delimiter, format.HasQuotes);
        try
        {
            reader = new Sep(delimiter).Reader(options => options with
            {
                HasHeader = false,
                DisableColCountCheck = true,
                DisableQuotesParsing = !hasQuotes,
                CultureInfo = CultureInfo.InvariantCulture,
            }).From(text);
        }
        catch (NotSupportedException e)
        {
            throw TooLong(e);
        }

        if (!ReadRow())
            throw new InvalidDataException("It holds no row.");
        if (Mistake is not null)
            throw new InvalidDataException(Mistake);
        Columns = [.. Cells.Select((name, index) => format.HasHeader && name.Trim() is { Length: > 0 } trimmed ? trimmed : $"column{index + 1}")];
        isBuffered = !format.HasHeader;
        if (Columns.FirstOrDefault(name => name.Contains('\0', StringComparison.Ordinal)) is not null)
            throw new InvalidDataException("Its first line contains zeros: it is not text in the encoding with which it is read.");
        if (Columns.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1)?.Key is { } twice)
            throw new InvalidDataException($"Its header names column '{twice}' several times.");
    }

    /// <summary>The column names; a column without a name in the header is called by its number.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>The number of fields in the current row; more or fewer than the columns if the row is ragged.</summary>
    public int Count => reader.Current.ColCount;

    /// <summary>The fields of the current row.</summary>
    public IReadOnlyList<string> Cells => [.. Enumerable.Range(0, Count).Select(index => this[index].ToString())];

    /// <summary>The line in which the current row begins, from 1.</summary>
    public long Line => reader.Current.LineNumberFrom;

    /// <summary>What is wrong with the quotes of the current row; null if nothing is.</summary>
    public string? Mistake { get; private set; }

    /// <summary>A field of the current row, valid until the next one is requested.</summary>
    public ReadOnlySpan<char> this[int index]
    {
        get
        {
            var field = reader.Current[index].Span;
            return hasQuotes && field.Contains('"') ? Unquote(field) : field;
        }
    }

    /// <summary>
    /// Whether a field of the current row is a number with a decimal point. Numbers with spaces or quotes may not be recognised.
    /// </summary>
    public bool TryParse(int index, out double number)
    {
        // Sep would ignore commas.
        var field = reader.Current[index];
        number = 0;
        return (delimiter == ',' || !field.Span.Contains(',')) && field.TryParse(out number) && double.IsFinite(number);
    }

    /// <summary>Advances to the next row; false after the last.</summary>
    /// <exception cref="InvalidDataException">A field is longer than any should be, or its quote is never closed.</exception>
    public bool Read()
    {
        if (!isBuffered)
            return ReadRow();
        isBuffered = false;
        return true;
    }

    public void Dispose() => reader.Dispose();

    private static bool BeginsWithQuote(ReadOnlySpan<char> field) => field.TrimStart(' ') is ['"', ..];

    private bool ReadRow()
    {
        try
        {
            do
            {
                if (!reader.MoveNext())
                    return false;
            }
            while (reader.Current.Span.IsEmpty);
        }
        catch (NotSupportedException e)
        {
            throw TooLong(e);
        }

        var row = reader.Current;
        if (row.ColCount > Limits.LargestSize)
            throw new InvalidDataException(FormattableString.Invariant($"Line {Line} has more than {Limits.LargestSize:N0} fields."));
        Mistake = null;
        if (row.Span.Length > LargestField || (hasQuotes && row.Span.Contains('"')))
            CheckFields(row);
        return true;
    }

    private void CheckFields(SepReader.Row row)
    {
        for (var index = 0; index < row.ColCount; index++)
        {
            var field = row[index].Span;
            if (field.Length > LargestField)
                throw new InvalidDataException(FormattableString.Invariant($"A field of line {Line} has more than {LargestField:N0} characters; is a quote not closed, or is the delimiter a different one?"));
            if (!hasQuotes || !field.Contains('"'))
                continue;
            if (!BeginsWithQuote(field))
            {
                // A quote in the middle is taken as intended, unless it turns a delimiter or the end of a line into part of the field.
                if (field.IndexOfAny(delimiter, '\r', '\n') >= 0)
                {
                    Mistake = $"its field {index + 1} has a quote in the middle, so that the text up to the next quote is read as part of it: "
                        + "begin the field with a quote and double those in it, or set CsvFormat.HasQuotes to false.";
                }
            }
            else if (field.Count('"') % 2 == 1 && index == row.ColCount - 1 && !IsClosed(field))
            {
                var opened = row.LineNumberFrom + row.Span[..^field.Length].Count('\n');
                throw new InvalidDataException($"The quote that line {opened} opens is not closed.");
            }
        }
    }

    /// <summary>Whether a field that begins with a quote has the one that closes it.</summary>
    private static bool IsClosed(ReadOnlySpan<char> field)
    {
        field = field.TrimStart(' ');
        for (var i = 1; i < field.Length; i++)
        {
            if (field[i] == '"' && (i + 1 == field.Length || field[++i] != '"'))
                return true;
        }

        return false;
    }

    /// <summary>The text of a field: what is between its quotes, and what follows them.</summary>
    private ReadOnlySpan<char> Unquote(ReadOnlySpan<char> field)
    {
        if (!BeginsWithQuote(field))
            return field;
        field = field.TrimStart(' ');
        if (unquoted.Length < field.Length)
            unquoted = new char[Math.Max(field.Length, 2 * unquoted.Length)];
        var length = 0;
        for (var i = 1; i < field.Length; i++)
        {
            if (field[i] == '"' && (++i == field.Length || field[i] != '"'))
            {
                field[i..].CopyTo(unquoted.AsSpan(length));
                return unquoted.AsSpan(0, length + field.Length - i);
            }

            unquoted[length++] = field[i];
        }

        return unquoted.AsSpan(0, length);
    }

    private static InvalidDataException TooLong(NotSupportedException e) =>
        new($"A row is too long to be read ({e.Message}); is a quote not closed?", e);
}
