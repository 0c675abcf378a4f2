using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A tally of a task's metrics over the batches of an evaluation. Missing labels do not count.</summary>
public abstract class TaskMetrics
{
    /// <summary>The one metric that a report shows first, a key of <see cref="Compute"/>.</summary>
    public abstract string Primary { get; }

    /// <summary>Whether a higher value of <see cref="Primary"/> is better.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public virtual bool HigherIsBetter => true;

    /// <summary>Adds a batch.</summary>
    /// <param name="output">What the head's <c>forward</c> gave.</param>
    /// <param name="target">The labels.</param>
    public abstract void Update(Tensor output, Tensor target);

    /// <summary>The metrics of all batches so far; NaN where no label was there.</summary>
    /// <returns>Each metric by its name.</returns>
    public abstract IReadOnlyDictionary<string, double> Compute();

    /// <summary>A quotient, NaN where the divisor is 0.</summary>
    private protected static double Ratio(double numerator, double denominator) => denominator == 0 ? double.NaN : numerator / denominator;
}
