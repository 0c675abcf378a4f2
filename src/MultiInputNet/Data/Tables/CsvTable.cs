using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// A CSV file in memory, read once: its schema is inferred from it, and sources are made from its rows.
/// <see cref="TableSchema.Infer"/> and <see cref="CsvSource"/> each read the file; this class saves the second reading.
/// </summary>
public sealed class CsvTable
{
    private const string Cure = "Give a table with one row per line, and set its delimiter and encoding in CsvFormat.";

    private readonly string? path;
    private readonly string subject;
    private readonly TableOptions options;
    private readonly TableCells?[] cells;
    private readonly List<long> rowNumbers = [];
    private readonly List<long> lines = [];
    private readonly BrokenRows broken;
    private readonly bool hasHeaderOfNumbers;

    private CsvTable(string? path, TableOptions options, CsvReader reader, Func<string, TableCells?> cellsOf, Func<long, bool>? rows)
    {
        this.path = path;
        this.options = options;
        subject = SubjectOf(path);
        broken = new(subject);
        Columns = reader.Columns;
        hasHeaderOfNumbers = options.Format.HasHeader && Columns.All(name => options.Numbers.TryParse(name, out _));
        cells = [.. Columns.Select(cellsOf)];
        var (used, ofUsed) = ((int[])[.. Enumerable.Range(0, cells.Length).Where(column => cells[column] is not null)], (TableCells[])[.. cells.OfType<TableCells>()]);
        for (var row = 0L; reader.Read(); row++)
        {
            if (rows?.Invoke(row) == false)
                continue;
            if ((reader.Mistake ?? (reader.Count == Columns.Count ? null : $"it has {reader.Count} fields, but there are {Columns.Count} columns.{DelimiterHint}")) is { } mistake)
            {
                broken.Add(reader.Line, () => mistake);
                continue;
            }

            for (var i = 0; i < used.Length; i++)
                ofUsed[i].Add(reader, used[i]);
            rowNumbers.Add(row);
            lines.Add(reader.Line);
        }
    }

    /// <summary>The names of the columns, in the order of the file.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>The number of rows, without those that have too many or too few fields.</summary>
    public int Count => lines.Count;

    /// <summary>The rows with too many or too few fields, if they are skipped.</summary>
    public IReadOnlyList<BrokenSample> Broken => broken.List();

    /// <summary>Reads a file.</summary>
    /// <param name="path">A CSV file, plain or gzip-compressed.</param>
    /// <param name="options">
    /// How to read it, and what is known of its columns; all rows are read regardless of <see cref="TableOptions.TrainingRows"/>. Defaults
    /// when null.
    /// </param>
    /// <returns>The table.</returns>
    /// <exception cref="MultiInputException">
    /// The file is not a table, is damaged or lacks a column that is named; or a row is broken and not to be skipped.
    /// </exception>
    public static CsvTable Read(string path, TableOptions? options = null)
    {
        var table = Read(path, options ?? new(), null);
        if (table.options.OnBroken == OnBroken.Throw)
            table.broken.Throw();
        return table;
    }

    /// <summary>Reads only the names of the columns.</summary>
    /// <param name="path">A CSV file, plain or gzip-compressed.</param>
    /// <param name="format">The format of the table; commas and a header when null.</param>
    /// <returns>The names, in the order of the file.</returns>
    /// <exception cref="MultiInputException">The file is not a table.</exception>
    public static IReadOnlyList<string> ReadColumns(string path, CsvFormat? format = null) => Open(path, format ?? new(), reader => reader.Columns);

    /// <summary>Infers the kinds of the columns, as <see cref="TableSchema.Infer"/> does.</summary>
    /// <param name="targets">The columns with labels.</param>
    /// <param name="trainingRows">
    /// Which rows to learn from, by their number in the file from 0; those of <see cref="TableOptions.TrainingRows"/> when null.
    /// </param>
    /// <returns>The schema.</returns>
    /// <exception cref="MultiInputException">
    /// A column does not exist, or holds neither numbers nor categories; or a row is broken and not to be skipped.
    /// </exception>
    /// <exception cref="ArgumentException">No target is named, or one is named twice.</exception>
    public TableSchema Infer(IReadOnlyList<string> targets, Func<long, bool>? trainingRows = null)
    {
        ArgumentNullException.ThrowIfNull(targets);
        ArgumentOutOfRangeException.ThrowIfZero(targets.Count, nameof(targets));
        if (targets.Distinct().Count() != targets.Count)
            throw new ArgumentException($"The targets {Shapes.Names(targets)} name a column more than once; name each once.", nameof(targets));
        foreach (var name in targets.Concat(options.Numeric).Concat(options.Categorical).Concat(options.Ignore))
            Find(name);
        trainingRows ??= options.TrainingRows;
        var rows = Enumerable.Range(0, Count).Where(row => trainingRows?.Invoke(rowNumbers[row]) != false).ToArray();

        // In columns declared numeric, other texts are mistakes.
        var mistakes = broken.Copy();
        var numeric = Columns.Index().Where(column => options.Numeric.Contains(column.Item)).ToArray();
        var kept = rows.Where(row =>
        {
            foreach (var (index, name) in numeric)
            {
                if (cells[index]!.OddNumberText(row) is not { } text)
                    continue;
                mistakes.Add(lines[row], () => TableEncoder.NoNumber(name, text));
                return false;
            }

            return true;
        }).ToArray();
        if (options.OnBroken == OnBroken.Throw)
            mistakes.Throw();
        if (kept.Length == 0)
            throw NoRows(mistakes);
        return new SchemaInference(subject, options, targets, hasHeaderOfNumbers)
            .Infer([.. Columns.Index().Where(column => cells[column.Index] is not null).Select(column => new ColumnSummary(column.Item, cells[column.Index]!, kept, lines))]);
    }

    /// <summary>Creates a source of rows.</summary>
    /// <param name="name">The name of the input and of the source, and of the task if there is a single target without a task name.</param>
    /// <param name="schema">The columns, learned from this table.</param>
    /// <param name="rows">Which rows, by their number in the file from 0; all when null.</param>
    /// <returns>The source.</returns>
    /// <exception cref="MultiInputException">
    /// A column does not exist; or a row is broken and not to be skipped, or there is none.
    /// </exception>
    public CsvSource Source(string name, TableSchema schema, Func<long, bool>? rows = null)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Check(schema);
        return new(name, Encode(name, schema, rows));
    }

    /// <summary>Reads the columns of a schema from a file, using what it knows of them.</summary>
    internal static CsvTable Read(string path, TableSchema schema, Func<long, bool>? rows, OnBroken onBroken)
    {
        var cellsOf = CellsOf(schema);
        return Read(path, new() { Format = schema.Format, OnBroken = onBroken }, cellsOf, rows);
    }

    /// <summary>The same from text.</summary>
    internal static CsvTable Read(TextReader text, TableSchema schema, Func<long, bool>? rows, OnBroken onBroken)
    {
        ArgumentNullException.ThrowIfNull(text);
        var cellsOf = CellsOf(schema);
        try
        {
            using var reader = new CsvReader(text, schema.Format);
            return new(null, new() { Format = schema.Format, OnBroken = onBroken }, reader, cellsOf, rows);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or DecoderFallbackException)
        {
            throw new MultiInputException(SubjectOf(null), ModelComponent.File, e.Message, Cure, e);
        }
    }

    /// <summary>How the columns of a schema are read, by their names; null for those that it does not have.</summary>
    private static Func<string, TableCells?> CellsOf(TableSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        Check(schema);
        var input = schema.Input;
        return name =>
        {
            var column = input.Columns!.FirstOrDefault(column => column.Name == name);
            var target = schema.Targets.FirstOrDefault(target => target.Column == name);
            return (column, target) switch
            {
                (null, null) => null,
                (NumericColumn numeric, null) => TableCells.Numbers(input.Numbers, input.MissingTexts, numeric.MissingTexts),
                (CategoricalColumn categorical, null) => TableCells.Known(input.Numbers, [], categorical.Categories, matchesValues: false),
                (null, { ClassNames: { } classes }) => TableCells.Known(input.Numbers, TableEncoder.MissingTexts(input.MissingTexts), classes, matchesValues: true),
                (null, _) => TableCells.Numbers(input.Numbers, input.MissingTexts, target.MissingTexts),
                _ => TableCells.Unknown(input.Numbers, input.MissingTexts, Limits.LargestSize),
            };
        };
    }

    /// <summary>Reads some rows of a file.</summary>
    internal static CsvTable Read(string path, TableOptions options, Func<long, bool>? rows)
    {
        if (options.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        return Read(
            path,
            options,
            name => options.Ignore.Contains(name) ? null : TableCells.Unknown(options.Numbers, options.MissingTexts, options.LargestCategoryCount),
            rows);
    }

    /// <summary>The samples, the labels, the lines of their rows, and the rows that were skipped.</summary>
    internal CsvRows Encode(string name, TableSchema schema, Func<long, bool>? rows)
    {
        var columns = schema.Input.Columns!.Select(column => column is CategoricalColumn categorical
            ? Categories(column.Name, categorical)
            : Numbers(column.Name, ((NumericColumn)column).MissingTexts)).ToArray();
        var labels = schema.Targets.Select(target => target.ClassNames is { } classes ? Classes(target.Column, classes, schema.Input.Numbers) : Numbers(target.Column, target.MissingTexts)).ToArray();
        var mistakes = broken.Copy();
        var kept = new List<int>(Count);
        for (var row = 0; row < Count; row++)
        {
            if (rows?.Invoke(rowNumbers[row]) == false)
                continue;
            Func<int, string?>? broke = null;
            foreach (var column in columns)
                broke ??= column.FindMistake is { } find && find(row) is not null ? find : null;
            foreach (var column in labels)
                broke ??= column.FindMistake is { } find && find(row) is not null ? find : null;
            if (broke is null)
                kept.Add(row);
            else
                mistakes.Add(lines[row], () => broke(row)!);
        }

        if (options.OnBroken == OnBroken.Throw)
            mistakes.Throw();
        if (kept.Count == 0)
            throw NoRows(mistakes);
        var samples = new double[kept.Count * (long)columns.Length];
        for (var i = 0; i < kept.Count; i++)
        {
            for (var column = 0; column < columns.Length; column++)
                samples[i * (long)columns.Length + column] = columns[column].Value(kept[i]);
        }

        // They live as long as the source, whatever scope is open when it is created.
        var targets = schema.Targets.Zip(labels).ToDictionary(
            pair => pair.First.Task ?? (schema.Targets.Count == 1 ? name : pair.First.Column),
            pair => (pair.First.ClassNames is null
                ? tensor(kept.Select(pair.Second.Value).ToArray()).view(-1, 1)
                : tensor(kept.Select(row => (long)pair.Second.Value(row)).ToArray())).DetachFromDisposeScope());
        return new(
            tensor(samples).view(kept.Count, columns.Length).DetachFromDisposeScope(), targets, path, [.. kept.Select(row => lines[row])], mistakes.List());
    }

    private static CsvTable Read(string path, TableOptions options, Func<string, TableCells?> cellsOf, Func<long, bool>? rows) =>
        Open(path, options.Format, reader => new CsvTable(path, options, reader, cellsOf, rows));

    private static T Open<T>(string path, CsvFormat format, Func<CsvReader, T> read) => DataFile.Read(path, Cure, file =>
    {
        try
        {
            using var reader = new CsvReader(CsvText.Open(file, format.Encoding), format);
            return read(reader);
        }
        catch (DecoderFallbackException)
        {
            using var again = RegularFile.Open(path);
            throw new InvalidDataException(FormattableString.Invariant(
                $"Line {CsvText.FindBrokenLine(again, format.Encoding)} has bytes that are not {format.Encoding.WebName.ToUpperInvariant()}: set the file's encoding in CsvFormat.Encoding, or save it as UTF-8."));
        }
    });

    private static string SubjectOf(string? path) => path is null ? "text" : $"file '{path}'";

    /// <summary>Suggests another delimiter if the header is a single name that contains one; otherwise empty.</summary>
    private string DelimiterHint => Columns is [var header] && ",;\t|".Where(header.Contains).ToArray() is [var delimiter, ..]
        ? $" Is the delimiter {(delimiter == '\t' ? "a tab" : $"'{delimiter}'")}?"
        : "";

    private static void Check(TableSchema schema)
    {
        DescriptionChecks.Throw("table schema", ModelComponent.Input, schema.Input.Columns is null
            ? ("its input names no columns.", "Give the input Columns, or let TableSchema.Infer learn them.")
            : schema.Input.FindMistake());
    }

    private Column Numbers(string name, IReadOnlyList<string>? missing)
    {
        var read = CellsOf(name);
        var ofColumn = new HashSet<string>(missing ?? [], StringComparer.OrdinalIgnoreCase);
        return new(read.Number, read.OddTexts.Count == 0 ? null : row => read.OddNumberText(row) is { } text && !ofColumn.Contains(text) ? TableEncoder.NoNumber(name, text) : null);
    }

    private Column Categories(string name, CategoricalColumn column)
    {
        var read = WithTexts(name);
        var known = column.Categories.Index().ToDictionary(category => category.Item, category => category.Index + 1);
        var numbers = read.Texts.Select(text => known.GetValueOrDefault(text)).ToArray();
        return new(row => read.Code(row) is >= 0 and var code ? numbers[code] : 0, null);
    }

    private Column Classes(string name, IReadOnlyList<string> classes, NumberFormat format)
    {
        const int Unknown = -2;
        var read = WithTexts(name);
        var known = TableCells.Known(format, [], classes, matchesValues: true);
        var numbers = read.Texts.Select(text => known.Find(text) ?? Unknown).ToArray();
        string? FindMistake(int row) =>
            (read.Code(row) is >= 0 and var code ? (numbers[code] == Unknown ? read.Texts[code] : null) : read.OddCodeText(row)) is { } text
                ? $"column '{name}' holds '{TableEncoder.Short(text)}', which is not one of its {classes.Count} classes."
                : null;
        return new(row => read.Code(row) is >= 0 and var code ? numbers[code] : -1, FindMistake);
    }

    private TableCells WithTexts(string name) => CellsOf(name) is { HasTooMany: false } read ? read : throw new MultiInputException(
        subject, ModelComponent.File, FormattableString.Invariant($"column '{name}' has more than {options.LargestCategoryCount:N0} different texts."), "Raise LargestCategoryCount where the table is read.");

    private TableCells CellsOf(string name) => cells[Find(name)]
        ?? throw new MultiInputException(subject, ModelComponent.File, $"column '{name}' was left out when the table was read.", "Take it out of Ignore.");

    private MultiInputException NoRows(BrokenRows mistakes) => new(
        subject,
        ModelComponent.File,
        mistakes.List() is [var first, ..] list ? $"none of its rows can be read: {first.Place}: {first.Problem}" + (list.Count > 1 ? FormattableString.Invariant($" {list.Count - 1:N0} others cannot be read either.") : "") : "it has no rows after its header.",
        "Give a file with rows.");

    private int Find(string column)
    {
        for (var index = 0; index < Columns.Count; index++)
        {
            if (Columns[index] == column)
                return index;
        }

        throw new MultiInputException(subject, ModelComponent.File, $"it has no column '{column}'.", $"Its columns are {Shapes.Names(Columns)}.{DelimiterHint}");
    }

    /// <summary>A column as numbers of a batch, by row, and what is wrong with a row; null if nothing can be.</summary>
    private sealed record Column(Func<int, double> Value, Func<int, string?>? FindMistake);
}

/// <summary>Rows of a table as a source holds them.</summary>
/// <param name="Samples">The samples, <c>(rows, columns)</c>.</param>
/// <param name="Targets">The labels of each task by its name.</param>
/// <param name="Path">The file; null if the table was read from text.</param>
/// <param name="Lines">The line in which each row begins, from 1.</param>
/// <param name="Broken">The rows that were skipped.</param>
internal sealed record CsvRows(Tensor Samples, Dictionary<string, Tensor> Targets, string? Path, IReadOnlyList<long> Lines, IReadOnlyList<BrokenSample> Broken);
