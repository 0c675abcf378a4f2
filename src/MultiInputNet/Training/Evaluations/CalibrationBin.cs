namespace MultiInputNet.Training;

/// <summary>The predictions whose probability lies in a range.</summary>
public sealed class CalibrationBin
{
    internal CalibrationBin(double from, double to, long count, double probability, double frequency) =>
        (From, To, Count, Probability, Frequency) = (from, to, count, probability, frequency);

    /// <summary>The lower end, which does not belong to the range; in the first bin, 0 does.</summary>
    public double From { get; }

    /// <summary>The upper end, which belongs to the range.</summary>
    public double To { get; }

    /// <summary>The number of predictions.</summary>
    public long Count { get; }

    /// <summary>Their mean probability; NaN if there are none.</summary>
    public double Probability { get; }

    /// <summary>The share of them that is right; NaN if there are none.</summary>
    public double Frequency { get; }

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{From:0.000} to {To:0.000}: {Count}, probability {Probability:0.000}, frequency {Frequency:0.000}");
}
