using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>The rows of a CSV file, read into memory with the columns of a <see cref="TableSchema"/>.</summary>
/// <remarks>
/// Categories that the schema does not know count as unknown; a class that it does not know makes its row a broken one. A
/// missing label is a missing one for the head too.
/// </remarks>
public sealed class CsvSource : DataSource
{
    /// <summary>Reads a file.</summary>
    /// <param name="name">The name of the input and of the source, and of the task where there is one target that names none.</param>
    /// <param name="schema">The columns.</param>
    /// <param name="path">A CSV file, plain or packed by gzip. Its columns may stand in another order, with others between them.</param>
    /// <param name="rows">Which rows are read, by their number in the file from 0; all when null.</param>
    /// <param name="onBroken">What becomes of rows with too many or too few fields, a text where a number is due, or an unknown class.</param>
    /// <exception cref="MultiInputException">The file is no table, a column is missing, a row is broken and not left out, or none is there.</exception>
    public CsvSource(string name, TableSchema schema, string path, Func<long, bool>? rows = null, OnBroken onBroken = OnBroken.Throw)
        : this(name, Read(name, schema, path, rows, onBroken))
    {
    }

    private CsvSource(string name, (Tensor Samples, Dictionary<string, Tensor> Targets, IReadOnlyList<BrokenSample> Broken) table)
        : base(name, [name], table.Targets)
    {
        Samples = table.Samples;
        Broken = table.Broken;
    }

    /// <summary>The samples, <c>(rows, columns)</c>: numbers as they are, NaN where one is missing, and the numbers of categories; Float64.</summary>
    public Tensor Samples { get; }

    /// <summary>The rows that were left out.</summary>
    public override IReadOnlyList<BrokenSample> Broken { get; }

    /// <inheritdoc/>
    public override bool IsInMemory => true;

    /// <inheritdoc/>
    public override InputBatch Read(IReadOnlyList<long> rows)
    {
        using var scope = NewDisposeScope();
        return new(rows, new Dictionary<string, Tensor> { [Name] = Samples.index_select(0, tensor(rows.ToArray())).MoveToOuterDisposeScope() });
    }

    private static (Tensor Samples, Dictionary<string, Tensor> Targets, IReadOnlyList<BrokenSample> Broken) Read(
        string name, TableSchema schema, string path, Func<long, bool>? rows, OnBroken onBroken)
    {
        ArgumentNullException.ThrowIfNull(schema);
        DescriptionChecks.Throw("table schema", ModelStage.Input, schema.Input.Columns is null
            ? ("its input names no columns.", "Give the input Columns, or let TableSchema.Infer learn them.")
            : schema.Input.FindMistake());
        using var table = new TableFile(path, schema.Format);
        var encoder = new RowEncoder(schema, table);
        while (table.Read(rows, onBroken, encoder.Add))
        {
        }

        if (encoder.Count == 0)
            throw new MultiInputException($"file '{path}'", ModelStage.File, $"none of its rows can be read; {table.Broken.Count} are broken.", "Give a file with rows.");
        var targets = encoder.Targets.ToDictionary(
            target => target.Column.Task ?? (schema.Targets.Count == 1 ? name : target.Column.Column),
            target => target.Column.ClassNames is null
                ? tensor(target.Labels.ToArray()).view(-1, 1)
                : tensor(target.Labels.Select(label => (long)label).ToArray()));

        // They live as long as the source, whatever scope it is made in.
        foreach (var labels in targets.Values)
            labels.DetachFromDisposeScope();
        return (tensor(encoder.Values.ToArray()).view(encoder.Count, -1).DetachFromDisposeScope(), targets, table.Broken);
    }

    /// <summary>Gathers the numbers of rows.</summary>
    private sealed class RowEncoder
    {
        private const double MissingClass = -1;

        private readonly TableEncoder encoder;
        private readonly HashSet<string> missing;
        private readonly (string Name, int Position)[] columns;
        private readonly double[] row;
        private readonly double[] labels;
        private readonly List<(int Position, Dictionary<string, int>? Classes)> targets = [];

        public RowEncoder(TableSchema schema, TableFile table)
        {
            encoder = new(schema.Input);
            missing = TableEncoder.MissingTexts(schema.Input.MissingTexts);
            columns = [.. schema.Input.Columns!.Select(column => (column.Name, table.Find(column.Name)))];
            row = new double[columns.Length];
            labels = new double[schema.Targets.Count];
            foreach (var target in schema.Targets)
            {
                targets.Add((table.Find(target.Column), target.ClassNames?.Index().ToDictionary(c => c.Item, c => c.Index)));
                Targets.Add((target, []));
            }
        }

        public List<double> Values { get; } = [];

        public List<(TableTarget Column, List<double> Labels)> Targets { get; } = [];

        public int Count => Targets[0].Labels.Count;

        /// <summary>Adds a row, or says what is wrong with it.</summary>
        public string? Add(IReadOnlyList<string> cells)
        {
            for (var i = 0; i < columns.Length; i++)
            {
                if (!encoder.TryEncode(i, cells[columns[i].Position], out row[i]))
                    return TableEncoder.NoNumber(columns[i].Name, cells[columns[i].Position]);
            }

            for (var i = 0; i < labels.Length; i++)
            {
                if (EncodeLabel(i, cells[targets[i].Position].Trim()) is { } mistake)
                    return mistake;
            }

            Values.AddRange(row);
            for (var i = 0; i < labels.Length; i++)
                Targets[i].Labels.Add(labels[i]);
            return null;
        }

        private string? EncodeLabel(int index, string text)
        {
            var classes = targets[index].Classes;
            if (missing.Contains(text))
                labels[index] = classes is null ? double.NaN : MissingClass;
            else if (classes is null)
                return TableEncoder.TryParse(text, out labels[index]) ? null : TableEncoder.NoNumber(Targets[index].Column.Column, text);
            else if (classes.TryGetValue(text, out var number))
                labels[index] = number;
            else
                return $"column '{Targets[index].Column.Column}' holds '{text}', which is none of its {classes.Count} classes.";
            return null;
        }
    }
}
