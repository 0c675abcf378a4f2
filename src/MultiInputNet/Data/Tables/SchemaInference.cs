namespace MultiInputNet.Data;

/// <summary>Decides of which kind columns are.</summary>
/// <param name="subject">The file, for messages.</param>
/// <param name="options">What not to infer.</param>
/// <param name="targets">The columns with labels.</param>
/// <param name="hasHeaderOfNumbers">Whether the names of all columns are numbers.</param>
internal sealed class SchemaInference(string subject, TableOptions options, IReadOnlyList<string> targets, bool hasHeaderOfNumbers)
{
    /// <summary>Above this share of numbers, other texts among them are taken for mistakes.</summary>
    private const double NumberShare = 0.9;

    /// <summary>Up to this many distinct texts, some of them numbers, may well be categories.</summary>
    private const int FewTexts = 20;

    private const int LargestCountedClass = 100;

    // Number formats that are recognised if nearly the whole column fits one.
    private static readonly NumberFormat[] otherFormats = [new(','), new(',', '.'), new(',', ' '), new(',', '\''), new('.', ','), new('.', ' '), new('.', '\'')];

    private readonly List<string> warnings = [];

    public TableSchema Infer(IReadOnlyList<ColumnSummary> columns)
    {
        if (hasHeaderOfNumbers)
            warnings.Add("the first row holds numbers and is taken for the names of the columns; if it is a row, set CsvFormat.HasHeader to false.");
        var features = columns.Where(column => !targets.Contains(column.Name)).ToArray();
        if (features.Length == 0)
            throw new MultiInputException(subject, ModelComponent.File, "there is no column left for the input.", "Name fewer columns as targets or in Ignore.");
        var made = features.Select(MakeColumn).ToArray();
        return new(
            new TabularInput(made.Length)
            {
                Columns = made,
                MissingTexts = options.MissingTexts,
                DecimalSeparator = options.DecimalSeparator == '.' ? null : options.DecimalSeparator,
                ThousandsSeparator = options.ThousandsSeparator,
                Mean = [.. made.Zip(features, (column, summary) => column is NumericColumn ? summary.Mean : 0)],
                StandardDeviation = [.. made.Zip(features, (column, summary) => column is NumericColumn ? summary.Deviation : 1)],
            },
            [.. targets.Select(name => MakeTarget(columns.FirstOrDefault(column => column.Name == name)
                ?? throw Unclear(name, "is both a target and in Ignore.", "Remove it from Ignore.")))])
        {
            Format = options.Format,
            Warnings = [.. warnings],
        };
    }

    private TabularColumn MakeColumn(ColumnSummary column)
    {
        if (column.Present == 0)
            throw Unclear(column.Name, "has no value in any training row.", $"Leave it out: Ignore = [\"{column.Name}\"].");
        if (!IsCategorical(column))
        {
            if (column.IsConstant)
                Warn(column, $"holds {column.Mean} in every training row and carries no information.");
            else if (column.CountsRows && column.Rows > FewTexts)
                Warn(column, $"counts the rows; if it is merely a row number, leave it out: Ignore = [\"{column.Name}\"].");
            return new NumericColumn(column.Name)
            {
                Fill = column.Mean,
                MissingIndicator = options.MissingIndicators && column.Present < column.Rows,
                MissingTexts = OddTexts(column),
            };
        }

        var texts = Texts(column);
        if (texts.Length == 1)
            Warn(column, $"holds '{TableEncoder.Short(texts[0])}' in every training row and carries no information.");
        if (IsNearlyUnique(column, texts))
            Warn(column, $"has {texts.Length:N0} different texts in {column.Present:N0} rows, so that little can be learned from it; leave it out: Ignore = [\"{column.Name}\"].");
        var categorical = new CategoricalColumn(column.Name, texts);
        return options.EmbeddingWidth is { } width ? categorical with { EmbeddingWidth = width } : categorical;
    }

    private TableTarget MakeTarget(ColumnSummary column)
    {
        if (column.Present == 0)
            throw Unclear(column.Name, "has no label in any training row.", "Provide rows with labels.");
        var isForced = options.Categorical.Contains(column.Name);
        var isText = IsCategorical(column);
        var texts = isText ? Texts(column) : options.Numeric.Contains(column.Name) ? null : ClassNumbers(column);
        if (texts is null)
        {
            if (column.IsConstant)
                Warn(column, $"is {column.Mean} in every training row: there is nothing to learn.");
            return new(column.Name) { MissingTexts = OddTexts(column) };
        }

        var numeric = $"To regress numbers: Numeric = [\"{column.Name}\"].";
        if (texts.Length == 1)
            Warn(column, $"is '{TableEncoder.Short(texts[0])}' in every training row: there is nothing to learn.");
        else if (IsNearlyUnique(column, texts))
            Warn(column, $"has {texts.Length:N0} different labels in {column.Present:N0} rows, each a class. {(isText ? "Is it the right column?" : numeric)}");
        else if (!isText && !(IsCounted(texts) && texts.Length <= FewTexts))
            Warn(column, $"holds {texts.Length} different whole numbers ({string.Join(", ", texts.Take(5))}{(texts.Length > 5 ? ", …" : "")}), each a class. {numeric}");
        if (column.Texts!.Count(text => text.Count == 1) is > 0 and var single && texts.Length > 1 && !IsNearlyUnique(column, texts))
            Warn(column, $"has {single:N0} {(single == 1 ? "class" : "classes")} with a single training row.");
        if (!isForced && column.Cells.MissingWord is var (word, count))
            Warn(column, $"has no label in {count:N0} rows of the file, which contain '{word}' or similar; if that is a class, set MissingTexts without it.");
        return new(column.Name) { ClassNames = texts };
    }

    /// <summary>Whether a column holds text.</summary>
    private bool IsCategorical(ColumnSummary column)
    {
        if (options.Categorical.Contains(column.Name) || options.Numeric.Contains(column.Name) || column.Odd == 0)
            return options.Categorical.Contains(column.Name);
        var categorical = $"Categorical = [\"{column.Name}\"]";
        if (column.Numbers < NumberShare * column.Present)
        {
            if (OtherFormats(column) is { Length: > 0 } others)
            {
                throw Unclear(
                    column.Name,
                    $"holds {column.ShownOdd}: numbers, if {string.Join(" or if ", others.Select(other => other.Describe()))}.",
                    $"Give {string.Join(" or ", others.Select(SeparatorsOf))}, or {categorical}.");
            }

            if (column.Numbers > column.Present / 2)
                Warn(column, $"is not a number in {column.Odd:N0} of {column.Present:N0} rows ({column.ShownOdd}); it is treated as categorical. For numbers, list these texts in MissingTexts.");
            return true;
        }

        if (column.Texts?.Count <= Math.Min(FewTexts, column.Present / 2))
        {
            Warn(column, $"is not a number in {column.Odd:N0} of {column.Present:N0} rows ({column.ShownOdd}); it is treated as categorical, since there are only {column.Texts.Count} different texts. For numbers, list these texts in MissingTexts.");
            return true;
        }

        Warn(column, $"is not a number in {column.Odd:N0} of {column.Present:N0} rows ({column.ShownOdd}), which count as missing. For categories: {categorical}.");
        return false;
    }

    /// <summary>The number formats in which nearly all odd texts of a column would be numbers after all; 1,234 may fit two.</summary>
    private static NumberFormat[] OtherFormats(ColumnSummary column) => otherFormats
        .Where(format => column.Cells.OddTexts.Count(text => format.TryParse(text, out _)) >= NumberShare * column.Cells.OddTexts.Count)
        .GroupBy(format => format is { Decimal: ',', Thousands: not null })
        .OrderBy(formats => formats.Key)
        .FirstOrDefault()?.ToArray() ?? [];

    private static string SeparatorsOf(NumberFormat format) => format switch
    {
        { Decimal: '.' } => nameof(TableOptions.ThousandsSeparator),
        { Thousands: null } => nameof(TableOptions.DecimalSeparator),
        _ => $"{nameof(TableOptions.DecimalSeparator)} and {nameof(TableOptions.ThousandsSeparator)}",
    };

    /// <summary>Odd texts of the whole file: nothing is learned from test rows by deciding how a text is read.</summary>
    private string[]? OddTexts(ColumnSummary column) =>
        column.Cells.OddTexts.Count == 0 || options.Numeric.Contains(column.Name) ? null : [.. column.Cells.OddTexts.Order(StringComparer.Ordinal)];

    /// <summary>The class numbers in ascending order, each as first written in the file; null if they are not whole, or too many.</summary>
    private string[]? ClassNumbers(ColumnSummary column)
    {
        if (!column.IsWhole || column.Texts is null)
            return null;
        var classes = column.Texts.Where(text => options.Numbers.TryParse(text.Text, out _))
            .Select(text => (text.Text, Value: options.Numbers.TryParse(text.Text, out var value) ? value : 0))
            .GroupBy(text => text.Value)
            .OrderBy(group => group.Key)
            .Select(group => (group.First().Text, Value: group.Key))
            .ToArray();
        string[] texts = [.. classes.Select(number => number.Text)];
        var isFew = texts.Length <= FewTexts && (column.Numbers >= 2 * texts.Length || classes.All(number => Math.Abs(number.Value) <= 10));
        return IsCounted(texts) || isFew ? texts : null;
    }

    /// <summary>Whether the texts are consecutive numbers from 0 or 1.</summary>
    private bool IsCounted(string[] texts) => texts.Length <= LargestCountedClass
        && options.Numbers.TryParse(texts[0], out var first) && first is 0 or 1
        && texts.Index().All(text => options.Numbers.TryParse(text.Item, out var number) && number == first + text.Index);

    private static bool IsNearlyUnique(ColumnSummary column, string[] texts) => texts.Length > FewTexts && texts.Length > column.Present / 2;

    /// <summary>The distinct texts: numbers in ascending order, others ordered by their characters.</summary>
    private string[] Texts(ColumnSummary column)
    {
        if (column.Texts is null)
        {
            throw Unclear(
                column.Name,
                (column.Cells.HasLongText ? "has texts that are too long for categories" : FormattableString.Invariant($"has more than {options.LargestCategoryCount:N0} different texts"))
                    + (column.FirstOdd is { } odd ? $"; the first that is not a number is {odd}." : "."),
                $"Leave it out with Ignore = [\"{column.Name}\"], declare it numeric with Numeric = [\"{column.Name}\"], or raise LargestCategoryCount.");
        }

        var texts = column.Texts.Select(text => text.Text).Order(StringComparer.Ordinal);
        return column.Odd > 0 ? [.. texts] : [.. texts.OrderBy(text => options.Numbers.TryParse(text, out var number) ? number : 0)];
    }

    private void Warn(ColumnSummary column, FormattableString problem) => warnings.Add(FormattableString.Invariant($"column '{column.Name}' {FormattableString.Invariant(problem)}"));

    private MultiInputException Unclear(string column, string problem, string cure) => new(subject, ModelComponent.File, $"column '{column}' {problem}", cure);
}
