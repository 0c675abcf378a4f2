using System.Globalization;

namespace MultiInputNet.Data;

/// <summary>
/// The columns of a table: those that go into a model, with the statistics of the training rows, and those that hold labels.
/// The same schema reads training rows, test rows and, without labels, new ones.
/// </summary>
/// <param name="Input">The input, with <see cref="TabularInput.Columns"/>, to build a model with; it is saved with the model.</param>
/// <param name="Targets">The columns with labels; none for rows that have no labels.</param>
public sealed record TableSchema(TabularInput Input, IReadOnlyList<TableTarget> Targets)
{
    /// <summary>The format of the files.</summary>
    /// <value>Default: commas and a header.</value>
    public CsvFormat Format
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Format));
    } = new();

    /// <summary>What looked odd, and how it was interpreted; show it to whoever provided the file.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The head of the first target.</summary>
    /// <exception cref="MultiInputException">There is no target.</exception>
    public HeadSpec Head => Targets is [var first, ..] ? first.Head : throw new MultiInputException(
        "table schema", ModelComponent.Head, "it has no target, which a head would have to predict.", "Name the columns with labels in Targets.");

    /// <summary>Infers the columns of a file, one or more of which hold labels; each of those becomes a task.</summary>
    /// <remarks>
    /// A column of numbers is numeric, with the mean of its training rows as its fill value; a column with a few odd texts among its
    /// numbers is numeric too, and these count as missing. Any other column is categorical. A target is a class if it holds texts, or a few
    /// different whole numbers: at most 100 if they are consecutive from 0 or 1, otherwise at most 20; any other target is a number to
    /// regress. <see cref="TableOptions.Numeric"/> and <see cref="TableOptions.Categorical"/> override this, and <see cref="Warnings"/>
    /// lists the unclear cases.
    /// </remarks>
    /// <param name="path">A CSV file, plain or gzip-compressed.</param>
    /// <param name="targets">The columns with labels.</param>
    /// <param name="options">What not to infer; nothing when null.</param>
    /// <returns>The schema.</returns>
    /// <exception cref="MultiInputException">
    /// The file is not a table, lacks a column that is named, or a column holds neither numbers nor categories.
    /// </exception>
    /// <exception cref="ArgumentException">No target is named.</exception>
    public static TableSchema Infer(string path, IReadOnlyList<string> targets, TableOptions? options = null) =>
        CsvTable.Read(path, options ?? new(), options?.TrainingRows).Infer(targets);

    /// <summary>A table of the columns, with the kind of each and what is known of it.</summary>
    /// <returns>One line per column.</returns>
    public override string ToString()
    {
        var lines = new List<(string Name, string Kind, string Details)> { ("column", "kind", "details") };
        lines.AddRange((Input.Columns ?? []).Select((column, index) => column switch
        {
            NumericColumn numeric => (column.Name, "number", Details(numeric, index)),
            CategoricalColumn categorical => (column.Name, "category", $"{List(categorical.Categories)}; embedded in {Text(categorical.EmbeddingWidth)}"),
            _ => (column.Name, column.GetType().Name, ""),
        }));
        lines.AddRange(Targets.Select(target => target.ClassNames is { } classes
            ? (target.Column, "label: class", List(classes))
            : (target.Column, "label: number", $"to regress{Missing(target.MissingTexts)}")));
        var (name, kind) = (lines.Max(line => line.Name.Length), lines.Max(line => line.Kind.Length));
        return string.Join('\n', lines.Select(line => $"{line.Name.PadRight(name)}  {line.Kind.PadRight(kind)}  {line.Details}".TrimEnd()));
    }

    private static string Text(double number) => number.ToString("G6", CultureInfo.InvariantCulture);

    /// <summary>A value of a column, with as many digits as its values differ in.</summary>
    private string Text(double value, int column)
    {
        var digits = 3 + Math.Ceiling(Math.Log10(Math.Abs(value) / (Input.StandardDeviation?[column] ?? 1)));
        return value.ToString($"G{Math.Clamp(digits, 6, 15):0}", CultureInfo.InvariantCulture);
    }

    private static string Missing(IReadOnlyList<string>? texts) => texts is null or [] ? "" : $"; missing: {List(texts)}";

    private static string List(IReadOnlyList<string> texts)
    {
        const int Shown = 5;
        return FormattableString.Invariant($"{texts.Count:N0}: ") + string.Join(", ", texts.Take(Shown).Select(text => $"'{TableEncoder.Short(text)}'")) + (texts.Count > Shown ? ", …" : "");
    }

    private string Details(NumericColumn column, int index) =>
        (Input.Mean is null ? "" : $"mean {Text(Input.Mean[index], index)}, deviation {Text(Input.StandardDeviation![index])}, ")
        + $"a missing one is {Text(column.Fill, index)}{(column.MissingIndicator ? " and marked" : "")}{Missing(column.MissingTexts)}";
}
