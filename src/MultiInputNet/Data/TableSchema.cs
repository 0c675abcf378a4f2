namespace MultiInputNet.Data;

/// <summary>
/// The columns of a table: those that go into a model, with the statistics of the training rows, and those that hold labels.
/// The same schema reads training rows, test rows and, without labels, new ones.
/// </summary>
/// <param name="Input">The input, with <see cref="TabularInput.Columns"/>: give it to the model, and it travels with it.</param>
/// <param name="Targets">The columns with labels, at least one.</param>
public sealed record TableSchema(TabularInput Input, IReadOnlyList<TableTarget> Targets)
{
    /// <summary>How files hold their table.</summary>
    /// <value>Default: commas and a header.</value>
    public CsvFormat Format { get; init; } = new();

    /// <summary>The head of the first target.</summary>
    public HeadSpec Head => Targets[0].Head;

    /// <summary>Learns the columns of a file, one or several of which hold labels: each is a task of its own.</summary>
    /// <remarks>
    /// A column of numbers is numeric, with the mean of its training rows for a missing one; any other is categorical. A target
    /// is a class where it holds texts, or whole numbers from 0 or 1 on without a gap and at most 100; otherwise it is a number
    /// to regress. <see cref="TableOptions.Numeric"/> and <see cref="TableOptions.Categorical"/> decide otherwise.
    /// </remarks>
    /// <param name="path">A CSV file, plain or packed by gzip.</param>
    /// <param name="targets">The columns with labels.</param>
    /// <param name="options">What is not to be inferred; nothing when null.</param>
    /// <returns>The schema.</returns>
    /// <exception cref="MultiInputException">The file is no table, lacks a column that is named, or one is neither of numbers nor of categories.</exception>
    /// <exception cref="ArgumentException">No target is named.</exception>
    public static TableSchema Infer(string path, IReadOnlyList<string> targets, TableOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentOutOfRangeException.ThrowIfZero(targets.Count, nameof(targets));
        options ??= new();
        var statistics = new Dictionary<string, ColumnStatistics>();
        var missing = TableEncoder.MissingTexts(options.MissingTexts);
        using var table = new TableFile(path, options.Format);
        foreach (var name in targets.Concat(options.Numeric).Concat(options.Categorical).Concat(options.Ignore))
            table.Find(name);
        var used = table.Columns.Index().Where(column => !options.Ignore.Contains(column.Item)).ToArray();
        foreach (var (_, name) in used)
            statistics.Add(name, new(options.LargestCategoryCount));
        var numeric = used.Where(column => options.Numeric.Contains(column.Item)).ToArray();
        string? FindRowMistake(IReadOnlyList<string> cells) =>
            numeric.Select(column => FindMistake(column.Item, cells[column.Index], missing)).FirstOrDefault(mistake => mistake is not null);
        while (table.Read(options.TrainingRows, options.OnBroken, FindRowMistake))
        {
            foreach (var (index, name) in used)
            {
                var text = table.Cells[index].Trim();
                if (missing.Contains(text))
                    statistics[name].AddMissing();
                else
                    statistics[name].Add(text, table.Line);
            }
        }

        var features = used.Select(column => column.Item).Except(targets).ToArray();
        var columns = features.Select(name => MakeColumn(path, name, statistics[name], options)).ToArray();
        return new(
            new TabularInput(columns.Length)
            {
                Columns = columns,
                MissingTexts = options.MissingTexts,
                Mean = [.. columns.Select(column => column is NumericColumn ? statistics[column.Name].Mean : 0)],
                StandardDeviation = [.. columns.Select(column => column is NumericColumn ? statistics[column.Name].Deviation : 1)],
            },
            [.. targets.Select(name => MakeTarget(path, name, statistics[name], options))])
        {
            Format = options.Format,
        };
    }

    private static string? FindMistake(string column, string text, HashSet<string> missing) =>
        missing.Contains(text.Trim()) || TableEncoder.TryParse(text, out _) ? null : TableEncoder.NoNumber(column, text);

    private static TabularColumn MakeColumn(string path, string name, ColumnStatistics statistics, TableOptions options)
    {
        if (statistics.Count == 0)
            throw Unclear(path, name, "has no value in any training row.", $"Leave it out: Ignore = [\"{name}\"].");
        if (!options.Categorical.Contains(name) && statistics.NoNumber is null)
            return new NumericColumn(name) { Fill = statistics.Mean, MissingIndicator = options.MissingIndicators && statistics.Missing > 0 };
        CheckCategories(path, name, statistics, options);
        var column = new CategoricalColumn(name, statistics.Texts);
        return options.EmbeddingWidth is { } width ? column with { EmbeddingWidth = width } : column;
    }

    private static TableTarget MakeTarget(string path, string name, ColumnStatistics statistics, TableOptions options)
    {
        if (statistics.Count == 0)
            throw Unclear(path, name, "has no label in any training row.", "Give rows with labels.");
        if (options.Numeric.Contains(name) || !(options.Categorical.Contains(name) || statistics.LooksLikeClasses))
            return new(name);
        CheckCategories(path, name, statistics, options);
        return new(name) { ClassNames = statistics.Texts };
    }

    private static void CheckCategories(string path, string name, ColumnStatistics statistics, TableOptions options)
    {
        if (!statistics.HasTooMany)
            return;
        throw Unclear(
            path,
            name,
            $"has more than {options.LargestCategoryCount:N0} different texts"
            + (statistics.NoNumber is var (text, line) ? $"; the first that is no number is '{text}' in line {line}." : "."),
            $"Leave it out with Ignore = [\"{name}\"], call it numeric with Numeric = [\"{name}\"], or raise LargestCategoryCount.");
    }

    private static MultiInputException Unclear(string path, string column, string problem, string cure) =>
        new($"file '{path}'", ModelStage.File, $"column '{column}' {problem}", cure);

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
