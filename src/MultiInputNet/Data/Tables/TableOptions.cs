namespace MultiInputNet.Data;

/// <summary>Options of <see cref="TableSchema.Infer"/>; all have defaults that work.</summary>
public sealed record TableOptions
{
    /// <summary>The format of the file.</summary>
    /// <value>Default: commas and a header.</value>
    public CsvFormat Format
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Format));
    } = new();

    /// <summary>Columns that hold numbers, whatever their texts look like; a target among them is a number to regress.</summary>
    /// <value>Default: none, kinds are inferred.</value>
    public IReadOnlyList<string> Numeric { get; init; } = [];

    /// <summary>Columns that hold categories, even if all their texts are numbers; a target among them is a class.</summary>
    /// <value>Default: none, kinds are inferred.</value>
    public IReadOnlyList<string> Categorical { get; init; } = [];

    /// <summary>Columns to leave out.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>Which rows are training rows, by their number in the file from 0; only these are learned from.</summary>
    /// <value>Default: <see langword="null"/>, all.</value>
    public Func<long, bool>? TrainingRows { get; init; }

    /// <summary>The texts that mean a missing value, ignoring case.</summary>
    /// <value>Default: <see langword="null"/>, the words that <see cref="TabularInput.MissingTexts"/> lists.</value>
    public IReadOnlyList<string>? MissingTexts { get; init; }

    /// <summary>The decimal separator.</summary>
    /// <value>Default: a point.</value>
    public char DecimalSeparator { get; init; } = '.';

    /// <summary>The thousands separator, between groups of three digits; a space also matches a narrow one.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public char? ThousandsSeparator { get; init; }

    /// <summary>Whether columns with missing numbers also tell the model which ones are missing.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool MissingIndicators { get; init; }

    /// <summary>The most categories that a column or target may have in the whole file; more are taken for a mistake.</summary>
    /// <value>Default: 1,000.</value>
    public int LargestCategoryCount { get; init; } = 1000;

    /// <summary>The width of the vector that represents a category.</summary>
    /// <value>Default: <see langword="null"/>, as for <see cref="CategoricalColumn.EmbeddingWidth"/>.</value>
    public int? EmbeddingWidth { get; init; }

    /// <summary>What happens with rows that have too many or too few fields, or a text instead of a number.</summary>
    /// <value>Default: <see cref="OnBroken.Throw"/>.</value>
    public OnBroken OnBroken { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    internal NumberFormat Numbers => new(DecimalSeparator, ThousandsSeparator);

    /// <summary>What is wrong with the options; null if nothing is.</summary>
    internal string? FindMistake() =>
        Numeric.Intersect(Categorical).Concat(Numeric.Intersect(Ignore)).Concat(Categorical.Intersect(Ignore)).FirstOrDefault() is { } twice
            ? $"Column '{twice}' is in more than one of Numeric, Categorical and Ignore; name it in one."
        : LargestCategoryCount is < 1 or > Limits.LargestSize
            ? FormattableString.Invariant($"LargestCategoryCount is {LargestCategoryCount:N0}; give a number from 1 to {Limits.LargestSize:N0}.")
        : MissingTexts?.Contains(null!) == true
            ? "A missing text is null; an empty one always counts as missing."
        : Numbers.FindMistake() is { } separators
            ? $"The options say that {separators} Give two different characters that are not part of a number, such as ',' and '.'."
            : null;
}
