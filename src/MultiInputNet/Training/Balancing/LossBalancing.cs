using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// How the losses of several tasks are combined into one descent. A description, not the state of a training: it can be used for many.
/// Derive from it to add your own method.
/// </summary>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract class LossBalancing
{
    /// <summary>The sum of the losses.</summary>
    public static LossBalancing Equal { get; } = new FixedWeights(new Dictionary<string, double>());

    /// <summary>The weighted sum of the losses.</summary>
    /// <param name="weights">The weight of each task by its name, from 0; a task without one has 1.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A weight is negative or not finite.</exception>
    public static LossBalancing Fixed(IReadOnlyDictionary<string, double> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        foreach (var (task, weight) in weights)
        {
            if (!(weight >= 0 && double.IsFinite(weight)))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(weights), weight, $"The weight of task '{task}' is {weight}; give a finite number from 0.");
            }
        }

        return new FixedWeights(new Dictionary<string, double>(weights));
    }

    /// <summary>
    /// Weights learned as each task's uncertainty (Kendall, Gal and Cipolla, 2018). With <c>s = log σ²</c>, a parameter that starts at 0, a
    /// task adds <c>exp(-s) L + s/2</c> to the loss, and one with squared errors <c>exp(-s) L / 2 + s/2</c>.
    /// </summary>
    /// <returns>The description.</returns>
    public static LossBalancing Uncertainty() => new UncertaintyWeights();

    /// <summary>
    /// Weights from how fast each task's loss fell (dynamic weight average; Liu, Johns and Davison, 2019): of <c>K</c> tasks, task <c>k</c>
    /// has <c>K softmax(r / temperature)</c>, where <c>r</c> is its mean loss in the last epoch divided by that in the one before. In the
    /// first two epochs all weights are 1.
    /// </summary>
    /// <param name="temperature">The larger, the more equal the weights are; above 0.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The temperature is not a finite number above 0.</exception>
    public static LossBalancing DynamicWeightAverage(double temperature = 2) =>
        new DynamicAverage(Positive(temperature, nameof(temperature)));

    /// <summary>
    /// Weights that keep the tasks' gradients at the last shared layer similar in size, larger for tasks that learn more slowly (GradNorm;
    /// Chen et al., 2018). They are positive and sum to the number of tasks.
    /// </summary>
    /// <param name="alpha">How strongly tasks are pulled to the same rate, from 0, which only equalises the sizes of gradients.</param>
    /// <param name="learningRate">The learning rate of Adam, with which the weights are learned; above 0.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static LossBalancing GradNorm(double alpha = 1.5, double learningRate = 0.025) =>
        new GradientNorms(NotNegative(alpha, nameof(alpha)), Positive(learningRate, nameof(learningRate)));

    /// <summary>
    /// Gradients of the shared parameters without their conflicts (PCGrad; Yu et al., 2020): each task's gradient is projected onto the
    /// normal plane of every other one that it conflicts with, in random order; then they are summed.
    /// </summary>
    /// <param name="seed">Determines, together with the step, the order of the projections.</param>
    /// <returns>The description.</returns>
    public static LossBalancing PCGrad(long seed = 0) => new Projections(seed);

    /// <summary>
    /// The direction for the shared parameters that is best for the worst-off task, within a distance of the mean gradient (CAGrad; Liu et
    /// al., 2021). It is multiplied by the number of tasks, so that <paramref name="c"/> = 0 descends the sum of the losses.
    /// </summary>
    /// <param name="c">The distance, as a fraction of the mean gradient's norm, from 0 to below 1.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The share is out of its range.</exception>
    public static LossBalancing CAGrad(double c = 0.5) => c is >= 0 and < 1
        ? new ConflictAversion(c)
        : throw new ArgumentOutOfRangeException(nameof(c), c, $"{nameof(c)} is {c}; give a number from 0 to below 1.");

    /// <summary>Starts a training.</summary>
    /// <param name="tasks">The names of all tasks, each once.</param>
    /// <param name="squaredErrors">
    /// The tasks whose loss is a mean squared error, such as a <see cref="RegressionHead"/>'s; <see cref="Uncertainty"/> treats them
    /// differently.
    /// </param>
    /// <param name="device">The device of the losses; the CPU when null.</param>
    /// <returns>The state of this method in one training.</returns>
    /// <exception cref="ArgumentException">There is no task, or a name occurs twice.</exception>
    /// <exception cref="MultiInputException">The description names a task that does not exist.</exception>
    public abstract LossBalancer Create(
        IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors = null, Device? device = null);

    /// <summary>The method with its settings: its type's name and its settable properties. Checkpoints hold it, to be compared.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => RecordText.Of(this, GetType());

    private static double Positive(double value, string name) => value > 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a finite number above 0.");

    private static double NotNegative(double value, string name) => value >= 0 && double.IsFinite(value)
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a finite number from 0.");

    private sealed class FixedWeights(IReadOnlyDictionary<string, double> weights) : LossBalancing
    {
        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) =>
            new WeightedSumBalancer(tasks, weights);

        // Checkpoints hold it, to be compared.
        public override string ToString() => $"Fixed({Shapes.Weights(weights)})";
    }

    private sealed class UncertaintyWeights : LossBalancing
    {
        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) =>
            new UncertaintyBalancer(tasks, squaredErrors ?? [], device ?? CPU);
    }

    private sealed class DynamicAverage(double temperature) : LossBalancing
    {
        public double Temperature { get; init; } = temperature;

        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) =>
            new DynamicWeightAverageBalancer(tasks, Temperature);
    }

    private sealed class GradientNorms(double alpha, double learningRate) : LossBalancing
    {
        public double Alpha { get; init; } = alpha;

        public double LearningRate { get; init; } = learningRate;

        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) =>
            new GradNormBalancer(tasks, Alpha, LearningRate);
    }

    private sealed class Projections(long seed) : LossBalancing
    {
        public long Seed { get; init; } = seed;

        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) =>
            new PCGradBalancer(tasks, Seed);
    }

    private sealed class ConflictAversion(double c) : LossBalancing
    {
        public double C { get; init; } = c;

        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) =>
            new CAGradBalancer(tasks, C);
    }
}
