namespace MultiInputNet.Data;

/// <summary>How a text file holds a table (RFC 4180): UTF-8, plain or packed by gzip; fields in quotes may hold anything.</summary>
public sealed record CsvFormat
{
    /// <summary>What stands between two fields.</summary>
    /// <value>Default: a comma.</value>
    public char Delimiter
    {
        get;
        init => field = value is not ('"' or '\r' or '\n')
            ? value
            : throw new ArgumentException("A quote or the end of a line cannot stand between fields; give a comma, a semicolon, a tab or the like.", nameof(Delimiter));
    } = ',';

    /// <summary>Whether the first row holds the names of the columns. Without them they are called column1, column2 and so on.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool HasHeader { get; init; } = true;
}
