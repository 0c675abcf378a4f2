using System.Diagnostics.CodeAnalysis;

namespace MultiInputNet.Data;

/// <summary>Which sources take part in a training step. A description; <see cref="Plan"/> makes the plan for given sources.</summary>
/// <remarks>
/// The sources of a step go through the model together. If one source is drawn per step, a batch normalisation shared by inputs is
/// trained with the statistics of one input at a time and evaluated with a mixture of all: give each its own with
/// <see cref="PerInput.Normalization"/>.
/// </remarks>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public abstract class SourceSampling
{
    private SourceSampling()
    {
    }

    /// <summary>
    /// Every step has a batch from every source. An epoch is one pass over the source with the most batches; the others start over.
    /// </summary>
    public static SourceSampling All { get; } = new Together();

    /// <summary>
    /// The sources take turns, a step each. An epoch has as many steps as all sources have batches, so that a source of average size
    /// is seen once.
    /// </summary>
    public static SourceSampling RoundRobin { get; } = new InTurn();

    /// <summary>One source per step, each as often in an epoch as it has batches: every source is seen once.</summary>
    public static SourceSampling Proportional { get; } = new ByTemperature(1);

    /// <summary>
    /// One source per step, with the steps of an epoch shared in proportion to the number of a source's batches to the power of
    /// <paramref name="tau"/>. An epoch has as many steps as all sources have batches.
    /// </summary>
    /// <param name="tau">0 for the same number of steps for each source, 1 for <see cref="Proportional"/>; from 0 to 1.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The power is out of its range.</exception>
    public static SourceSampling Temperature(double tau) => tau is >= 0 and <= 1
        ? new ByTemperature(tau)
        : throw new ArgumentOutOfRangeException(nameof(tau), tau, $"{nameof(tau)} is {tau}; give a number from 0 to 1.");

    /// <summary>
    /// One source per step, with the steps of an epoch shared in proportion to given weights. An epoch has as many steps as all
    /// sources have batches.
    /// </summary>
    /// <param name="weights">The weight of each source by its name, above 0; only their ratios matter.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A weight is not a finite number above 0.</exception>
    public static SourceSampling Fixed(IReadOnlyDictionary<string, double> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        foreach (var (source, weight) in weights)
        {
            if (!(weight > 0 && double.IsFinite(weight)))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(weights), weight, $"The weight of source '{source}' is {weight}; give a finite number above 0.");
            }
        }

        return new ByWeights(new Dictionary<string, double>(weights));
    }

    /// <summary>The plan for given sources: a pure function of the seed and the step.</summary>
    /// <param name="sources">The sources, with different names.</param>
    /// <param name="batchSize">Samples per source and step, unless the source has a batch size of its own.</param>
    /// <param name="seed">Determines the order of the sources.</param>
    /// <param name="stepsPerEpoch">Steps per epoch; null for the number that the description implies.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="MultiInputException">
    /// There is no source, a source has no weight or a weight no source, or an epoch has too few steps for the sources.
    /// </exception>
    internal SourcePlan Plan(IReadOnlyList<DataSource> sources, int batchSize, long seed, long? stepsPerEpoch = null)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stepsPerEpoch ?? 1, 1, nameof(stepsPerEpoch));
        if (sources.Count == 0)
            throw new MultiInputException("training", ModelComponent.Training, "there is no source.", "Give at least one.");
        var planned = sources.Select(source => new PlannedSource(source.Name, source.Count, source.BatchSize ?? batchSize));
        return MakePlan([.. planned], seed, stepsPerEpoch);
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    private protected abstract SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch);

    private sealed class Together : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch) =>
            new TogetherPlan(sources, stepsPerEpoch ?? sources.Max(source => source.Batches));
    }

    private sealed class InTurn : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch) =>
            new InTurnPlan(sources, stepsPerEpoch ?? sources.Sum(source => source.Batches));
    }

    private sealed class ByTemperature(double tau) : SourceSampling
    {
        public double Tau { get; init; } = tau;

        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch) =>
            new QuotaPlan(sources, [.. sources.Select(source => Math.Pow(source.Batches, Tau))], seed, stepsPerEpoch);
    }

    private sealed class ByWeights(IReadOnlyDictionary<string, double> weights) : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch)
        {
            var names = sources.Select(source => source.Name).ToArray();
            if (names.Except(weights.Keys).Concat(weights.Keys.Except(names)).FirstOrDefault() is { } odd)
            {
                throw new MultiInputException(
                    $"source '{odd}'",
                    ModelComponent.Training,
                    names.Contains(odd) ? "its sampling has no weight." : "it has a sampling weight, and there is no such source.",
                    $"Give a weight for each of {Shapes.Names(names)} and no other.");
            }

            return new QuotaPlan(sources, [.. names.Select(name => weights[name])], seed, stepsPerEpoch);
        }

        // Stored in checkpoints for comparison.
        public override string ToString() => $"Fixed({Shapes.Weights(weights)})";
    }
}
