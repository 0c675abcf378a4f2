namespace MultiInputNet.Data;

/// <summary>What <see cref="TableSchema.Infer"/> is told; all of it has defaults that work.</summary>
public sealed record TableOptions
{
    /// <summary>How the file holds its table.</summary>
    /// <value>Default: commas and a header.</value>
    public CsvFormat Format
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Format));
    } = new();

    /// <summary>Columns that hold numbers, whatever their texts look like; a target among them is a number to regress.</summary>
    /// <value>Default: none, it is inferred.</value>
    public IReadOnlyList<string> Numeric { get; init; } = [];

    /// <summary>Columns that hold categories, even if all their texts are numbers; a target among them is a class.</summary>
    /// <value>Default: none, it is inferred.</value>
    public IReadOnlyList<string> Categorical { get; init; } = [];

    /// <summary>Columns that are left out.</summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>Which rows are training rows, by their number in the file from 0: only they are learned from.</summary>
    /// <value>Default: <see langword="null"/>, all.</value>
    public Func<long, bool>? TrainingRows { get; init; }

    /// <summary>The texts that stand for a missing value, in any case.</summary>
    /// <value>Default: <see langword="null"/>, the words that <see cref="TabularInput.MissingTexts"/> lists.</value>
    public IReadOnlyList<string>? MissingTexts { get; init; }

    /// <summary>What stands before the fraction of a number.</summary>
    /// <value>Default: a point.</value>
    public char DecimalSeparator { get; init; } = '.';

    /// <summary>What may stand between the thousands of a number: groups of three digits; a space stands for a narrow one too.</summary>
    /// <value>Default: <see langword="null"/>, nothing.</value>
    public char? ThousandsSeparator { get; init; }

    /// <summary>Whether columns with missing numbers also tell the model that they are missing.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool MissingIndicators { get; init; }

    /// <summary>The most categories that a column or target may have in the whole file; one with more is taken for a mistake.</summary>
    /// <value>Default: 1,000.</value>
    public int LargestCategoryCount { get; init; } = 1000;

    /// <summary>Values of the vector that stands for a category.</summary>
    /// <value>Default: <see langword="null"/>, as for <see cref="CategoricalColumn.EmbeddingWidth"/>.</value>
    public int? EmbeddingWidth { get; init; }

    /// <summary>What becomes of rows with too many or too few fields, or with a text where a number is due.</summary>
    /// <value>Default: <see cref="OnBroken.Throw"/>.</value>
    public OnBroken OnBroken { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);

    internal NumberFormat Numbers => new(DecimalSeparator, ThousandsSeparator);

    /// <summary>What is wrong with the options; null when nothing is.</summary>
    internal string? FindMistake() =>
        Numeric.Intersect(Categorical).Concat(Numeric.Intersect(Ignore)).Concat(Categorical.Intersect(Ignore)).FirstOrDefault() is { } twice
            ? $"Column '{twice}' is in several of Numeric, Categorical and Ignore; name it in one."
        : LargestCategoryCount is < 1 or > Limits.LargestSize
            ? FormattableString.Invariant($"LargestCategoryCount is {LargestCategoryCount:N0}; give from 1 to {Limits.LargestSize:N0}.")
        : MissingTexts?.Contains(null!) == true
            ? "A missing text is null; an empty one always counts as missing."
        : Numbers.FindMistake() is { } separators
            ? $"The options say that {separators} Give two different characters that are no part of a number, such as ',' and '.'."
            : null;
}
