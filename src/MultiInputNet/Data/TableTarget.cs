namespace MultiInputNet.Data;

/// <summary>A column that holds the labels of a task.</summary>
/// <param name="Column">The column's name.</param>
public sealed record TableTarget(string Column)
{
    /// <summary>The texts of the classes, from class 0 on.</summary>
    /// <value>Default: <see langword="null"/>, the label is a number to regress.</value>
    public IReadOnlyList<string>? ClassNames { get; init; }

    /// <summary>The task that the labels are of.</summary>
    /// <value>Default: <see langword="null"/>: the source's name where there is one target, and the column's where there are several.</value>
    public string? Task { get; init; }

    /// <summary>A head that fits the labels: classification with the class names, or regression of one number.</summary>
    public HeadSpec Head => ClassNames is null
        ? Heads.Regression(outputs: 1)
        : new ClassificationSpec(ClassNames.Count) { ClassNames = ClassNames };

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
