using System.Globalization;

namespace MultiInputNet.Data;

/// <summary>Cells as a CSV file holds them (RFC 4180), in invariant culture.</summary>
internal static class CsvCell
{
    /// <summary>A text, quoted where it has to be.</summary>
    public static string Of(string text) => text.AsSpan().ContainsAny(",\"\r\n") ? $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : text;

    /// <summary>A number that reads back as the same.</summary>
    public static string Of(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
