using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>The rows of a CSV file, with or without labels, read into memory with the columns of a <see cref="TableSchema"/>.</summary>
/// <remarks>
/// Categories that the schema does not know count as unknown; a class that it does not know makes its row a broken one. A
/// missing label is missing for the head too.
/// </remarks>
public sealed class CsvSource : DataSource
{
    private readonly string? path;
    private readonly IReadOnlyList<long> lines;

    /// <summary>Reads a file.</summary>
    /// <param name="name">The name of the input and of the source, and of the task if there is a single target without a task name.</param>
    /// <param name="schema">The columns.</param>
    /// <param name="path">A CSV file, plain or gzip-compressed. Its columns may come in another order, with others between them.</param>
    /// <param name="rows">Which rows to read, by their number in the file from 0; all when null.</param>
    /// <param name="onBroken">
    /// What happens with rows that have too many or too few fields, a text instead of a number, or an unknown class.
    /// </param>
    /// <exception cref="MultiInputException">
    /// The file is not a table, a column is missing, a row is broken and not skipped, or there is none.
    /// </exception>
    public CsvSource(string name, TableSchema schema, string path, Func<long, bool>? rows = null, OnBroken onBroken = OnBroken.Throw)
        : this(name, CsvTable.Read(path, schema, rows, onBroken).Encode(name, schema, rows: null))
    {
    }

    internal CsvSource(string name, CsvRows table)
        : base(name, [name], table.Lines.Count, table.Targets)
    {
        (path, lines) = (table.Path, table.Lines);
        Samples = table.Samples;
        Broken = table.Broken;
    }

    /// <summary>Reads text, such as that of a stream that is no file.</summary>
    /// <param name="name">The name of the input and of the source, and of the task if there is a single target without a task name.</param>
    /// <param name="schema">The columns.</param>
    /// <param name="text">The table. It is read to its end and closed.</param>
    /// <param name="rows">Which rows to read, by their number from 0; all when null.</param>
    /// <param name="onBroken">As for a file.</param>
    /// <returns>The source.</returns>
    /// <exception cref="MultiInputException">
    /// The text is not a table, a column is missing, a row is broken and not skipped, or there is none.
    /// </exception>
    public static CsvSource FromText(string name, TableSchema schema, TextReader text, Func<long, bool>? rows = null, OnBroken onBroken = OnBroken.Throw) =>
        new(name, CsvTable.Read(text, schema, rows, onBroken).Encode(name, schema, rows: null));

    /// <summary>Reads a file whose rows have no labels, with an input that knows its columns, such as that of a loaded model.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="input">The input: <c>model.Description.Input&lt;TabularInput&gt;("iris")</c>.</param>
    /// <param name="path">A CSV file, plain or gzip-compressed. Columns that the input does not have are ignored.</param>
    /// <param name="format">The format of the file; commas and a header when null.</param>
    /// <param name="onBroken">What happens with rows that have too many or too few fields, or a text instead of a number.</param>
    /// <returns>The source.</returns>
    /// <exception cref="MultiInputException">
    /// The input names no columns; or the file is not a table, a column is missing, a row is broken and not skipped, or there is none.
    /// </exception>
    public static CsvSource Unlabelled(string name, TabularInput input, string path, CsvFormat? format = null, OnBroken onBroken = OnBroken.Throw) =>
        new(name, new TableSchema(input, []) { Format = format ?? new() }, path, onBroken: onBroken);

    /// <summary>
    /// The samples, <c>(rows, columns)</c>: numbers unchanged, NaN for a missing one, and the numbers of categories; Float64.
    /// </summary>
    public Tensor Samples { get; }

    /// <summary>The rows that were skipped: at most 1,000 of them, followed by an entry that says how many more there are.</summary>
    public override IReadOnlyList<BrokenSample> Broken { get; }

    /// <inheritdoc/>
    public override bool IsInMemory => true;

    /// <inheritdoc/>
    public override string NameOf(long row) => FormattableString.Invariant($"{(path is null ? "" : $"{path}, ")}line {lines[(int)row]}");

    /// <inheritdoc/>
    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        using var scope = NewDisposeScope();
        return new(rows, new Dictionary<string, Tensor> { [Name] = Samples.index_select(0, tensor(rows.ToArray())).MoveToOuterDisposeScope() });
    }
}
