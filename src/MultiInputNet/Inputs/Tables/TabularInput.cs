using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A row of a table: batches are <c>(batch, features)</c>, floating point.</summary>
/// <remarks>
/// With <see cref="Columns"/> it knows its columns, so that a model read from a file takes raw rows of text:
/// <see cref="Encode(IReadOnlyDictionary{string, string?})"/> turns them into a batch. <c>TableSchema.Infer</c> learns all this from a
/// file.
/// </remarks>
/// <param name="Features">The number of columns.</param>
public sealed record TabularInput(int Features) : InputSpec
{
    /// <summary>The columns, in the order of a batch.</summary>
    /// <value>Default: <see langword="null"/>, all are unnamed numbers, none of which may be missing.</value>
    public IReadOnlyList<TabularColumn>? Columns { get; init; }

    /// <summary>The texts that mean a missing value, ignoring case.</summary>
    /// <value>
    /// Default: <see langword="null"/>, which means the words that pandas knows: empty, <c>NA</c>, <c>N/A</c>, <c>#N/A</c>, <c>NaN</c>,
    /// <c>null</c>, <c>None</c> and similar, and <c>?</c>; in columns of numbers also <c>-</c> and <c>--</c>.
    /// </value>
    public IReadOnlyList<string>? MissingTexts { get; init; }

    /// <summary>The decimal separator.</summary>
    /// <value>Default: <see langword="null"/>, a point.</value>
    public char? DecimalSeparator { get; init; }

    /// <summary>The thousands separator, between groups of three digits; a space also matches a narrow one.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public char? ThousandsSeparator { get; init; }

    /// <summary>How numbers are written.</summary>
    internal NumberFormat Numbers => new(DecimalSeparator ?? '.', ThousandsSeparator);

    private protected override IReadOnlyList<long> SampleShape => [Features];

    private protected override string KindName => "tabular";

    internal override ProjectionSpec DefaultProjection => new TabularProjectionSpec();

    internal override bool TakesAnyFloat => true;

    internal override string? MixupMistake => Columns?.Any(column => column is CategoricalColumn) == true
        ? "mixup mixes numbers, and it has tokens or categories."
        : null;

    internal override string ChannelWord => "column";

    internal override IEnumerable<(int Index, string Name)> NumericChannels => Columns is null
        ? base.NumericChannels
        : Columns.Index().Where(column => column.Item is not CategoricalColumn).Select(column => (column.Index, $"'{column.Item.Name}'"));

    internal override (int Count, IReadOnlyList<TabularColumn>? Described)? TableColumns => (Features, Standardized());

    /// <summary>Encodes one row as a batch.</summary>
    /// <param name="row">
    /// The text of each column by its name; null if it is missing. Columns that the input does not have are ignored.
    /// </param>
    /// <returns>
    /// The batch, <c>(1, features)</c> in Float64 on the CPU; the model fills and standardises it, whatever the type of its weights.
    /// </returns>
    /// <exception cref="MultiInputException">
    /// A column is not in the row, or does not hold a number; or the input has no named columns.
    /// </exception>
    public Tensor Encode(IReadOnlyDictionary<string, string?> row) => Encode([row]);

    /// <summary>Encodes rows as a batch.</summary>
    /// <param name="rows">For each, the text of each column by its name, as for one row.</param>
    /// <returns>The batch, <c>(rows, features)</c> in Float64 on the CPU.</returns>
    /// <exception cref="MultiInputException">
    /// A column is not in a row, or does not hold a number; or the input has no named columns.
    /// </exception>
    public Tensor Encode(IEnumerable<IReadOnlyDictionary<string, string?>> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return Encode("tabular input", rows, index => $"row {index}");
    }

    internal override Tensor EncodeRow(string subject, IReadOnlyDictionary<string, string?> row) => Encode(subject, [row], _ => subject);

    private Tensor Encode(string input, IEnumerable<IReadOnlyDictionary<string, string?>> rows, Func<int, string> subject)
    {
        var mistake = Columns is null ? ("it names no columns.", "Give it Columns, or let TableSchema.Infer learn them from a file.") : FindMistake();
        if (mistake is var (problem, cure))
            throw new MultiInputException(input, ModelComponent.Input, problem, cure);
        var encoder = new TableEncoder(this);
        var values = new List<double>();
        foreach (var (index, row) in rows.Index())
        {
            if (row is null)
                throw new ArgumentException($"Row {index} is null; give the text of each column by its name.", nameof(rows));
            for (var column = 0; column < Features; column++)
            {
                var name = Columns![column].Name;
                if (!row.TryGetValue(name, out var text))
                    throw new MultiInputException(subject(index), ModelComponent.Input, $"column '{name}' is missing.", "Give every column, with null for a missing value.");
                if (!encoder.TryEncode(column, text, out var value))
                    throw new MultiInputException(subject(index), ModelComponent.Input, TableEncoder.NoNumber(name, text), "Give a number, or null for a missing value.");
                values.Add(value);
            }
        }

        return tensor(values.ToArray()).view(-1, Features);
    }

    internal override (string Problem, string Cure)? FindMistake()
    {
        if (base.FindMistake() is { } mistake)
            return mistake;
        if (Columns is null)
            return null;
        if (Columns.Count != Features)
            return ($"it names {Columns.Count} columns but has {Features} features.", "Name each once.");
        if (Columns.Any(column => string.IsNullOrEmpty(column?.Name)) || Columns.DistinctBy(column => column.Name).Count() != Features)
            return ("a column has no name, or the name of another.", "Give each a different name.");
        if (Columns.Select(column => column.FindMistake()).FirstOrDefault(found => found is not null) is { } found)
            return found;
        if (MissingTexts?.Contains(null!) == true)
            return ("a missing text is null.", "Give texts; an empty one always counts as missing.");
        if (Numbers.FindMistake() is { } separators)
            return (separators, "Give two different characters that are not part of a number, such as ',' and '.'.");
        return Mean is not null && Columns.Index().Any(column => column.Item is CategoricalColumn && (Mean[column.Index] != 0 || StandardDeviation![column.Index] != 1))
            ? ("a categorical column has a mean or a standard deviation.", "Give it a mean of 0 and a deviation of 1: its values are numbers of categories.")
            : null;
    }

    internal override (string Problem, string Cure)? FindMistake(Tensor batch)
    {
        using var scope = NewDisposeScope();
        foreach (var (index, column) in Columns?.Index() ?? [])
        {
            if (column is not CategoricalColumn { Categories.Count: var count })
                continue;
            var numbers = batch.select(1, index).nan_to_num(nan: 0);
            var wrong = numbers[numbers.lt(0).logical_or(numbers.gt(count)).logical_or(numbers.ne(numbers.floor()))];
            if (wrong.numel() > 0)
            {
                return ($"column '{column.Name}' holds {wrong[0].to(ScalarType.Float64).item<double>()}, which is not the number of a category.",
                    $"Its {count} categories have the numbers 1 to {count}, and 0 means unknown; Encode produces them.");
            }
        }

        return null;
    }

    private protected override Tensor Example(Tensor shares)
    {
        var values = base.Example(shares);
        foreach (var (index, column) in Columns?.Index() ?? [])
        {
            var own = shares.select(1, index);
            if (column is CategoricalColumn { Categories.Count: var count })
                values.select(1, index).copy_((own * (count + 1)).floor());
            else
                values.select(1, index).masked_fill_(own < 0.2, double.NaN);
        }

        return values;
    }

    /// <summary>The columns, with fill values in the unit of the standardised values that arrive.</summary>
    private IReadOnlyList<TabularColumn>? Standardized() => Mean is null
        ? Columns
        : Columns?.Select((column, index) => column is NumericColumn numeric
            ? numeric with { Fill = (numeric.Fill - Mean[index]) / StandardDeviation![index] }
            : column).ToArray();
}
