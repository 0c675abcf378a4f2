namespace MultiInputNet.Data;

/// <summary>A column that holds the labels of a task.</summary>
/// <param name="column">The column's name.</param>
public sealed class TableTarget(string column)
{
    /// <summary>The column's name.</summary>
    public string Column { get; init; } = column;

    /// <summary>The texts of the classes, from class 0. If all are numbers, another text for the same number is the same class.</summary>
    /// <value>Default: <see langword="null"/>, the label is a number to regress.</value>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>
    /// Texts that mean a missing label to regress, ignoring case, in addition to <see cref="TabularInput.MissingTexts"/>.
    /// </summary>
    /// <value>Default: <see langword="null"/>, none; in an inferred target, the odd texts among its numbers.</value>
    public IReadOnlyList<string>? MissingTexts { get; init; }

    /// <summary>The task to which the labels belong.</summary>
    /// <value>Default: <see langword="null"/>: the source's name if there is one target, and the column's if there are several.</value>
    public string? Task { get; init; }

    /// <summary>A head that fits the labels: classification with the class names, or regression of one number.</summary>
    public HeadSpec Head => ClassNames is null
        ? Heads.Regression(outputs: 1)
        : new ClassificationSpec(ClassNames.Count) { ClassNames = ClassNames };

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
