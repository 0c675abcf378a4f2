using System.Diagnostics.CodeAnalysis;

namespace MultiInputNet.Training;

/// <summary>
/// How the learning rate changes during a training, as a pure function of the step. Derive from it to add your own schedule.
/// </summary>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract class LearningRateSchedule
{
    /// <summary>A constant rate, after a linear warm-up if requested.</summary>
    /// <param name="warmupShare">The share of all steps in which the rate rises, from 0 to 1; the last of them has the peak rate.</param>
    /// <returns>The schedule.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public static LearningRateSchedule Constant(double warmupShare = 0) => new ConstantRate(Share(warmupShare, nameof(warmupShare)));

    /// <summary>A linear warm-up, then half a cosine down to a fraction of the peak rate (Loshchilov and Hutter, 2017).</summary>
    /// <param name="warmupShare">The share of all steps in which the rate rises, from 0 to 1; the last of them has the peak rate.</param>
    /// <param name="floor">The share of the peak rate that the cosine goes down to, from 0 to 1.</param>
    /// <returns>The schedule.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A share is out of its range.</exception>
    public static LearningRateSchedule WarmupCosine(double warmupShare = 0.05, double floor = 0) =>
        new Cosine(Share(warmupShare, nameof(warmupShare)), Share(floor, nameof(floor)));

    /// <summary>
    /// Half a cosine up to the peak rate and half a cosine down again (Smith and Topin, 2019), with the formula of PyTorch's
    /// <c>OneCycleLR</c>.
    /// </summary>
    /// <param name="pctStart">The share of all steps in which the rate rises, from 0 to 1.</param>
    /// <param name="divFactor">The peak rate divided by the first, at least 1.</param>
    /// <param name="finalDivFactor">The first rate divided by the last, at least 1.</param>
    /// <param name="threePhase">
    /// Whether the rate falls to the initial rate in as many steps as it rose, and to the final one in the remaining steps; otherwise it
    /// falls directly to the final rate.
    /// </param>
    /// <returns>The schedule.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static LearningRateSchedule OneCycle(
        double pctStart = 0.3, double divFactor = 25, double finalDivFactor = 1e4, bool threePhase = false) =>
        new Cycle(
            Share(pctStart, nameof(pctStart)),
            AtLeastOne(divFactor, nameof(divFactor)),
            AtLeastOne(finalDivFactor, nameof(finalDivFactor)),
            threePhase);

    /// <summary>The peak rate, multiplied by a factor repeatedly after a fraction of all steps.</summary>
    /// <param name="share">The share of all steps between two changes, above 0, to 1. A third makes two changes.</param>
    /// <param name="gamma">What the rate is multiplied by, above 0, to 1.</param>
    /// <param name="warmupShare">
    /// The fraction of all steps in which the rate rises, from 0 to 1; changes are counted from the first step regardless.
    /// </param>
    /// <returns>The schedule.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static LearningRateSchedule Step(double share, double gamma = 0.1, double warmupShare = 0) => new Stairs(
        NotNothing(Share(share, nameof(share)), nameof(share)),
        NotNothing(Share(gamma, nameof(gamma)), nameof(gamma)),
        Share(warmupShare, nameof(warmupShare)));

    /// <summary>The factor of the peak rate in a step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">The total steps of the training, more than <paramref name="step"/>.</param>
    /// <returns>The factor, from 0 to 1.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The step lies outside the steps.</exception>
    public double Factor(long step, long steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, steps);
        return FactorAt(step, steps);
    }

    /// <summary>Computes <see cref="Factor"/> for a step that lies within the steps.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">All steps of the training.</param>
    /// <returns>The factor.</returns>
    protected abstract double FactorAt(long step, long steps);

    /// <summary>The schedule with its settings: its type's name and its settable properties. Checkpoints hold it, to be compared.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => RecordText.Of(this, GetType());

    private static long WarmupSteps(double share, long steps) => (long)(steps * share);

    private static double CosineBetween(double from, double to, double part) => to + (from - to) / 2 * (1 + Math.Cos(Math.PI * part));

    private static double Share(double value, string name) => value is >= 0 and <= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a number from 0 to 1.");

    private static double NotNothing(double value, string name) => value > 0
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a number above 0.");

    private static double AtLeastOne(double value, string name) => value >= 1 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a finite number from 1.");

    private sealed class ConstantRate(double warmupShare) : LearningRateSchedule
    {
        public double WarmupShare { get; init; } = warmupShare;

        protected override double FactorAt(long step, long steps)
        {
            var warmup = WarmupSteps(WarmupShare, steps);
            return step < warmup ? (step + 1.0) / warmup : 1;
        }
    }

    private sealed class Cosine(double warmupShare, double floor) : LearningRateSchedule
    {
        public double WarmupShare { get; init; } = warmupShare;

        public double Floor { get; init; } = floor;

        protected override double FactorAt(long step, long steps)
        {
            var warmup = WarmupSteps(WarmupShare, steps);
            return step < warmup ? (step + 1.0) / warmup : CosineBetween(1, Floor, (double)(step - warmup) / (steps - warmup));
        }
    }

    private sealed class Cycle(double pctStart, double divFactor, double finalDivFactor, bool threePhase) : LearningRateSchedule
    {
        public double PctStart { get; init; } = pctStart;

        public double DivFactor { get; init; } = divFactor;

        public double FinalDivFactor { get; init; } = finalDivFactor;

        public bool ThreePhase { get; init; } = threePhase;

        protected override double FactorAt(long step, long steps)
        {
            var (first, last) = (1 / DivFactor, 1 / DivFactor / FinalDivFactor);
            var peak = PctStart * steps - 1;
            if (step <= peak)
                return CosineBetween(first, 1, Part(step, 0, peak));
            var turn = 2 * PctStart * steps - 2;
            if (!ThreePhase)
                return CosineBetween(1, last, Part(step, peak, steps - 1));
            return step <= turn
                ? CosineBetween(1, first, Part(step, peak, turn))
                : CosineBetween(first, last, Part(step, turn, steps - 1));
        }

        // A phase without length is over; one that would begin before the training begins with it.
        private static double Part(long step, double from, double to)
        {
            from = Math.Max(0, from);
            return to > from ? (step - from) / (to - from) : 1;
        }
    }

    private sealed class Stairs(double changeShare, double gamma, double warmupShare) : LearningRateSchedule
    {
        public double ChangeShare { get; init; } = changeShare;

        public double Gamma { get; init; } = gamma;

        public double WarmupShare { get; init; } = warmupShare;

        protected override double FactorAt(long step, long steps)
        {
            var warmup = WarmupSteps(WarmupShare, steps);
            var length = Math.Max(1, (long)Math.Round(ChangeShare * steps));
            return Math.Pow(Gamma, step / length) * (step < warmup ? (step + 1.0) / warmup : 1);
        }
    }
}
