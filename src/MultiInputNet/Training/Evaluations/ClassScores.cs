namespace MultiInputNet.Training;

/// <summary>
/// How well a class of a classification, or a label of a multi-label task, is recognised. Samples whose label is missing do not count.
/// </summary>
/// <remarks>
/// What would be a division by zero is NaN, as with <c>zero_division=np.nan</c> in scikit-learn: the precision of what is never predicted,
/// the recall of what never occurs, and the F1 of what does neither.
/// </remarks>
public sealed class ClassScores
{
    internal ClassScores(string name, long count, long support, long predicted, long correct, Calibration? calibration = null) =>
        (Name, Count, Support, Predicted, Correct, Calibration) = (name, count, support, predicted, correct, calibration);

    /// <summary>The name of the class or label; its number if it has none.</summary>
    public string Name { get; }

    /// <summary>The number of samples with a label.</summary>
    public long Count { get; }

    /// <summary>The number of samples that are of the class, or have the label.</summary>
    public long Support { get; }

    /// <summary>The number of samples for which it is predicted.</summary>
    public long Predicted { get; }

    /// <summary>The number of samples for which it is predicted and right.</summary>
    public long Correct { get; }

    /// <summary>The share of its predictions that are right.</summary>
    public double Precision => Ratio(Correct, Predicted);

    /// <summary>The share of its samples for which it is predicted.</summary>
    public double Recall => Ratio(Correct, Support);

    /// <summary>The harmonic mean of precision and recall.</summary>
    public double F1 => Ratio(2 * Correct, Support + Predicted);

    /// <summary>The calibration of the probability of a label; null for a class, see <see cref="TaskEvaluation.Calibration"/>.</summary>
    public Calibration? Calibration { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Name}: precision {Precision:0.0000}, recall {Recall:0.0000}, F1 {F1:0.0000}, support {Support}");

    private static double Ratio(long numerator, long denominator) => denominator == 0 ? double.NaN : (double)numerator / denominator;
}
