namespace MultiInputNet;

/// <summary>A column of numbers. A missing one is NaN in a batch, and the model replaces it with <see cref="Fill"/>.</summary>
/// <param name="Name">Its name.</param>
public sealed record NumericColumn(string Name) : TabularColumn(Name)
{
    /// <summary>The replacement for a missing number, in the column's own unit; if inferred, the mean of the training rows.</summary>
    /// <value>Default: 0.</value>
    public double Fill { get; init; }

    /// <summary>Whether a feature of 0 or 1 also tells the projection that the number is missing.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool MissingIndicator { get; init; }

    /// <summary>
    /// Texts that mean a missing number in this column, ignoring case, in addition to <see cref="TabularInput.MissingTexts"/>.
    /// </summary>
    /// <value>Default: <see langword="null"/>, none; in an inferred column, the odd texts among its numbers.</value>
    public IReadOnlyList<string>? MissingTexts { get; init; }

    internal override int Width => MissingIndicator ? 2 : 1;

    internal override (string Problem, string Cure)? FindMistake() => float.IsFinite((float)Fill)
        ? MissingTexts?.Contains(null!) == true ? ($"column '{Name}' has a missing text that is null.", "Give texts; an empty one always counts as missing.") : null
        : ($"column '{Name}' has a fill value of {Fill}.", "Give a finite number.");
}
