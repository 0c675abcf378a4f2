namespace MultiInputNet.Training;

/// <summary>Learning rates as pure functions of the step.</summary>
public static class LearningRates
{
    /// <summary>
    /// A linear rise over the warm-up steps, then half a cosine down towards zero (Loshchilov and Hutter, 2017).
    /// </summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">All steps, at least 1.</param>
    /// <param name="warmupSteps">The steps of the rise; the last of them has the peak rate. 0 starts at the peak.</param>
    /// <param name="peak">The highest rate.</param>
    /// <returns>The rate of this step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The step lies outside the steps, or the warm-up is longer than they are.</exception>
    public static double WarmupCosine(long step, long steps, long warmupSteps, double peak)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, steps);
        ArgumentOutOfRangeException.ThrowIfNegative(warmupSteps);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(warmupSteps, steps);
        return step < warmupSteps
            ? peak * (step + 1) / warmupSteps
            : peak * 0.5 * (1 + Math.Cos(Math.PI * (step - warmupSteps) / (steps - warmupSteps)));
    }
}
