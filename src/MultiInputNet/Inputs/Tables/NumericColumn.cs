namespace MultiInputNet;

/// <summary>A column of numbers. A missing one is NaN in a batch, and the model puts <see cref="Fill"/> in its place.</summary>
/// <param name="Name">Its name.</param>
public sealed record NumericColumn(string Name) : TabularColumn(Name)
{
    /// <summary>What stands for a missing number, in the column's own unit; the mean of the training rows where it is inferred.</summary>
    /// <value>Default: 0.</value>
    public double Fill { get; init; }

    /// <summary>Whether the projection is also told, by a feature of 0 or 1, that the number is missing.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool MissingIndicator { get; init; }

    /// <summary>Texts that stand for a missing number in this column, in any case, beside those of <see cref="TabularInput.MissingTexts"/>.</summary>
    /// <value>Default: <see langword="null"/>, none; where the column is inferred, the odd texts among its numbers.</value>
    public IReadOnlyList<string>? MissingTexts { get; init; }

    internal override int Width => MissingIndicator ? 2 : 1;

    internal override (string Problem, string Cure)? FindMistake() => float.IsFinite((float)Fill)
        ? MissingTexts?.Contains(null!) == true ? ($"column '{Name}' has a missing text that is null.", "Give texts; an empty one always counts as missing.") : null
        : ($"column '{Name}' has a fill value of {Fill}.", "Give a finite number.");
}
