namespace MultiInputNet.Insights;

/// <summary>How the loss went while the learning rate grew. See <see cref="LearningRateFinder"/>.</summary>
public sealed class LearningRateCurve
{
    /// <summary>The steps in order, up to the one after which the loss diverged.</summary>
    public required IReadOnlyList<LearningRatePoint> Points { get; init; }

    /// <summary>Whether the loss diverged, so that the search ended early.</summary>
    public required bool Diverged { get; init; }

    /// <summary>
    /// A rate from the middle of the longest descent, as fastai suggests by default: two fifths to a half into the longest sequence of ever
    /// smaller losses.
    /// </summary>
    /// <value>Null if the loss never fell.</value>
    public double? Valley { get; init; }

    /// <summary>
    /// The rate at which the smoothed loss falls fastest over the logarithm of the rate. Smoothing lags behind: where the loss falls late,
    /// this rate may be too high already.
    /// </summary>
    /// <value>Null if the loss never fell.</value>
    public double? Steepest { get; init; }

    /// <summary>A tenth of the rate with the smallest smoothed loss.</summary>
    /// <value>Null if the loss never fell.</value>
    public double? MinimumTenth { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    /// <summary>The curve with its suggestions.</summary>
    /// <param name="points">The steps.</param>
    /// <param name="diverged">Whether the loss diverged.</param>
    internal static LearningRateCurve Of(IReadOnlyList<LearningRatePoint> points, bool diverged)
    {
        // As fastai: the first steps are still smoothed from little, and the last ones of a divergence say nothing.
        const int Last = 5;
        var first = points.Count / 10;
        LearningRatePoint[] looked = [.. points.Skip(first).Take(Math.Max(0, points.Count - first - (diverged ? Last : 0))).Where(point => double.IsFinite(point.SmoothedLoss))];
        var falls = Enumerable.Range(1, Math.Max(0, looked.Length - 1)).Select(i => (Index: i, Slope: Slope(looked[i - 1], looked[i]))).ToArray();
        var isFalling = falls.Any(fall => fall.Slope < 0);
        return new()
        {
            Points = [.. points],
            Diverged = diverged,
            Valley = isFalling ? looked[ValleyOf([.. looked.Select(point => point.SmoothedLoss)])].Rate : null,
            Steepest = isFalling ? looked[falls.MinBy(fall => fall.Slope).Index - 1].Rate : null,
            MinimumTenth = isFalling ? looked.MinBy(point => point.SmoothedLoss)!.Rate / 10 : null,
        };
    }

    private static double Slope(LearningRatePoint from, LearningRatePoint to) => (to.SmoothedLoss - from.SmoothedLoss) / Math.Log(to.Rate / from.Rate);

    /// <summary>The place in the longest sequence of ever smaller losses that is half a third after its first third.</summary>
    private static int ValleyOf(double[] losses)
    {
        // The longest decreasing subsequence that ends at each place.
        var lengths = new int[losses.Length];
        for (var i = 0; i < losses.Length; i++)
            lengths[i] = 1 + Enumerable.Range(0, i).Where(j => losses[j] > losses[i]).Select(j => lengths[j]).DefaultIfEmpty(0).Max();
        var end = Array.IndexOf(lengths, lengths.Max());
        var start = end - lengths[end];
        var third = (end - start) / 3.0;
        return Math.Max(0, start + (int)third + (int)(third / 2));
    }
}

/// <summary>A step of a <see cref="LearningRateCurve"/>.</summary>
public sealed class LearningRatePoint
{
    /// <summary>The learning rate of the step.</summary>
    public required double Rate { get; init; }

    /// <summary>The loss before the step, summed over the tasks.</summary>
    public required double Loss { get; init; }

    /// <summary>The exponential moving average of the losses so far, corrected for its start, with a decay of 0.98 as in fastai.</summary>
    public required double SmoothedLoss { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
