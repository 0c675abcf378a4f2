using System.Globalization;

namespace MultiInputNet;

/// <summary>Turns the texts of a table into the numbers of a batch, by the columns of an input that was checked.</summary>
internal sealed class TableEncoder
{
    private static readonly string[] defaultMissingTexts = ["", "NA", "NaN", "null"];

    private readonly Dictionary<string, int>?[] categories;
    private readonly HashSet<string> missing;

    public TableEncoder(TabularInput input)
    {
        categories = [.. input.Columns!.Select(column =>
            (column as CategoricalColumn)?.Categories.Index().ToDictionary(category => category.Item, category => category.Index + 1))];
        missing = MissingTexts(input.MissingTexts);
    }

    public static HashSet<string> MissingTexts(IReadOnlyList<string>? texts) => new(texts ?? defaultMissingTexts, StringComparer.OrdinalIgnoreCase);

    public static bool TryParse(string text, out double number) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);

    public static string NoNumber(string column, string? text) => $"column '{column}' holds '{text}', which is no number.";

    /// <summary>The number of a text; false where it is a number column's and none.</summary>
    public bool TryEncode(int column, string? text, out double value)
    {
        text = text?.Trim() ?? "";
        if (categories[column] is { } known)
        {
            value = missing.Contains(text) ? 0 : known.GetValueOrDefault(text);
            return true;
        }

        if (missing.Contains(text) || text.Length == 0)
        {
            value = double.NaN;
            return true;
        }

        return TryParse(text, out value);
    }
}
