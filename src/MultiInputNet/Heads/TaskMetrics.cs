using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A tally of a task's metrics over the batches of an evaluation. Missing labels do not count.</summary>
public abstract class TaskMetrics
{
    /// <summary>The metric that a report shows first, a key of <see cref="Compute"/>.</summary>
    public abstract string Primary { get; }

    /// <summary>Whether a higher value of <see cref="Primary"/> is better.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public virtual bool HigherIsBetter => true;

    /// <summary>The value of <see cref="Primary"/> so far; NaN if there were no labels.</summary>
    /// <remarks>A trainer asks for it at each step that it reports. Override it if <see cref="Compute"/> takes long.</remarks>
    public virtual double PrimaryValue => Compute()[Primary];

    /// <summary>
    /// How well the task does, as a unit-free number of which higher is better, so that it can be averaged over tasks; NaN if it has no
    /// value. <see cref="Training.EarlyStopping"/> compares epochs by it.
    /// </summary>
    /// <value>Default: <see cref="PrimaryValue"/>, negated if lower is better.</value>
    public virtual double Score => HigherIsBetter ? PrimaryValue : -PrimaryValue;

    /// <summary>Adds a batch.</summary>
    /// <param name="output">The result of the head's <c>forward</c>.</param>
    /// <param name="target">The labels.</param>
    public abstract void Update(Tensor output, Tensor target);

    /// <summary>The metrics of all batches so far; NaN if there were no labels.</summary>
    /// <returns>Each metric by its name.</returns>
    public abstract IReadOnlyDictionary<string, double> Compute();

    /// <summary>A quotient, NaN if the divisor is 0.</summary>
    private protected static double Ratio(double numerator, double denominator) => denominator == 0 ? double.NaN : numerator / denominator;
}
