using System.Text;
using nietras.SeparatedValues;

namespace MultiInputNet.Data;

/// <summary>
/// How a text file holds a table (RFC 4180), plain or gzip-compressed. Quoted fields may contain anything; a quote is doubled in them.
/// </summary>
public sealed record CsvFormat
{
    /// <summary>The field delimiter.</summary>
    /// <value>Default: a comma.</value>
    public char Delimiter
    {
        get;
        init => field = IsDelimiter(value)
            ? value
            : throw new ArgumentException("It cannot delimit fields; give a comma, a semicolon, a tab or the like.", nameof(Delimiter));
    } = ',';

    /// <summary>Whether the first row holds the column names. Without them, columns are called column1, column2 and so on.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool HasHeader { get; init; } = true;

    /// <summary>Whether fields may be quoted. If not, quotes are ordinary characters, such as the inches in <c>5"</c>.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool HasQuotes { get; init; } = true;

    /// <summary>
    /// The encoding, for files that do not declare it by a byte order mark. Bytes that are not valid in it are rejected. Files from old
    /// versions of Windows need <c>CodePagesEncodingProvider.Instance.GetEncoding(1252)</c> or similar.
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
    public override string ToString() => RecordText.Of(this, GetType());
}
