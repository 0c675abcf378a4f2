namespace MultiInputNet;

/// <summary>Turns the texts of a table into the numbers of a batch, by the columns of a validated input.</summary>
internal sealed class TableEncoder
{
    // Those of pandas, and what is commonly written instead; comparisons ignore case.
    private static readonly string[] defaultMissingTexts =
        ["", "NA", "N/A", "NaN", "-NaN", "null", "None", "#N/A", "#N/A N/A", "#NA", "<NA>", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN", "?"];

    // In a column of texts, such as the classes + and -, a dash may be a value.
    private static readonly string[] defaultMissingNumbers = [.. defaultMissingTexts, "-", "--"];

    private readonly Dictionary<string, int>?[] categories;
    private readonly HashSet<string>[] missing;
    private readonly NumberFormat numbers;

    public TableEncoder(TabularInput input)
    {
        numbers = input.Numbers;
        categories = [.. input.Columns!.Select(column => (column as CategoricalColumn)?.Categories.Index().ToDictionary(category => category.Item, category => category.Index + 1))];
        missing = [.. input.Columns!.Select(column => MissingNumbers(input.MissingTexts, (column as NumericColumn)?.MissingTexts))];
    }

    /// <summary>The texts that mean a missing text.</summary>
    public static HashSet<string> MissingTexts(IReadOnlyList<string>? texts) => new(texts ?? defaultMissingTexts, StringComparer.OrdinalIgnoreCase) { "" };

    /// <summary>The texts that mean a missing number; an empty text always does.</summary>
    public static HashSet<string> MissingNumbers(IReadOnlyList<string>? texts, IReadOnlyList<string>? ofColumn = null) =>
        new((texts ?? defaultMissingNumbers).Concat(ofColumn ?? []), StringComparer.OrdinalIgnoreCase) { "" };

    public static string NoNumber(string column, string? text) => $"column '{column}' holds '{Short(text)}', which is not a number.";

    /// <summary>A text as shown in a message.</summary>
    public static string Short(string? text)
    {
        const int Longest = 60;
        return text is { Length: > Longest } ? text[..Longest] + "…" : text ?? "";
    }

    /// <summary>The number for a text; false if the column is numeric and the text is not a number.</summary>
    public bool TryEncode(int column, string? text, out double value)
    {
        text = text?.Trim() ?? "";
        if (categories[column] is { } known)
        {
            value = known.TryGetValue(text, out var number) ? number : 0;
            return true;
        }

        if (!missing[column].Contains(text))
            return numbers.TryParse(text, out value);
        value = double.NaN;
        return true;
    }
}
