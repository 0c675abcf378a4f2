using System.Text;
using nietras.SeparatedValues;

namespace MultiInputNet.Data;

/// <summary>How a text file holds a table (RFC 4180), plain or packed by gzip; fields in quotes may hold anything, a quote is doubled in them.</summary>
public sealed record CsvFormat
{
    /// <summary>What stands between two fields.</summary>
    /// <value>Default: a comma.</value>
    public char Delimiter
    {
        get;
        init => field = IsDelimiter(value)
            ? value
            : throw new ArgumentException("It cannot stand between fields; give a comma, a semicolon, a tab or the like.", nameof(Delimiter));
    } = ',';

    /// <summary>Whether the first row holds the names of the columns. Without them they are called column1, column2 and so on.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool HasHeader { get; init; } = true;

    /// <summary>Whether a field may stand in quotes. Without that, quotes are characters like others, such as the inches in <c>5"</c>.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool HasQuotes { get; init; } = true;

    /// <summary>
    /// How characters are stored, for files that do not say so themselves by a byte order mark. Bytes that are no characters are refused.
    /// What old versions of Windows wrote needs <c>CodePagesEncodingProvider.Instance.GetEncoding(1252)</c> or the like.
    /// </summary>
    /// <value>Default: UTF-8.</value>
    public Encoding Encoding
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Encoding));
    } = Encoding.UTF8;

    private static bool IsDelimiter(char value)
    {
        if (char.IsLetterOrDigit(value) || value is ' ' or '.' or '+' or '-')
            return false;
        try
        {
            _ = new Sep(value);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
