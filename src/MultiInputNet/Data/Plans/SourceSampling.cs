namespace MultiInputNet.Data;

/// <summary>Which sources take part in a training step. A description: <see cref="Plan"/> makes the plan for given sources.</summary>
/// <remarks>
/// The sources of a step go through the model together. Where one source is drawn for each step, a batch normalisation that inputs share is
/// trained by the statistics of one input at a time and evaluated by a mixture of all: give each its own, <see cref="PerInput.Normalization"/>.
/// </remarks>
public abstract record SourceSampling
{
    private SourceSampling()
    {
    }

    /// <summary>
    /// Every source gives a batch to every step. An epoch passes the source with the most batches once; the others start over.
    /// </summary>
    public static SourceSampling All { get; } = new Together();

    /// <summary>
    /// One source after the other, a step each. An epoch has as many steps as all sources have batches, so that a source of
    /// average size is passed once.
    /// </summary>
    public static SourceSampling RoundRobin { get; } = new InTurn();

    /// <summary>One source for each step, each as often in an epoch as it has batches: every source is passed once.</summary>
    public static SourceSampling Proportional { get; } = new ByTemperature(1);

    /// <summary>
    /// One source for each step, the steps of an epoch shared in proportion to the number of a source's batches to the power
    /// of <paramref name="tau"/>. An epoch has as many steps as all sources have batches.
    /// </summary>
    /// <param name="tau">0 for equally many steps for each source, 1 for <see cref="Proportional"/>; from 0 to 1.</param>
    /// <returns>The description.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The power is out of its range.</exception>
    public static SourceSampling Temperature(double tau) => tau is >= 0 and <= 1
        ? new ByTemperature(tau)
        : throw new ArgumentOutOfRangeException(nameof(tau), tau, $"{nameof(tau)} is {tau}; give a number from 0 to 1.");

    /// <summary>
    /// One source for each step, the steps of an epoch shared in proportion to given weights. An epoch has as many steps as all
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
    /// <param name="sources">The sources, each with a name of its own.</param>
    /// <param name="batchSize">Samples of each source in a step, where the source names no number of its own.</param>
    /// <param name="seed">Governs the order of the sources.</param>
    /// <param name="stepsPerEpoch">Steps of an epoch; as the description says when null.</param>
    /// <returns>The plan.</returns>
    /// <exception cref="MultiInputException">
    /// There is no source, a source has no weight or a weight no source, or an epoch has fewer steps than there are sources to share them.
    /// </exception>
    public SourcePlan Plan(IReadOnlyList<DataSource> sources, int batchSize, long seed, long? stepsPerEpoch = null)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stepsPerEpoch ?? 1, 1, nameof(stepsPerEpoch));
        if (sources.Count == 0)
            throw new MultiInputException("training", ModelComponent.Training, "there is no source.", "Give at least one.");
        var planned = sources.Select(source => new PlannedSource(source.Name, source.Count, source.BatchSize ?? batchSize));
        return MakePlan([.. planned], seed, stepsPerEpoch);
    }

    private protected abstract SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch);

    private sealed record Together : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch) =>
            new TogetherPlan(sources, stepsPerEpoch ?? sources.Max(source => source.Batches));
    }

    private sealed record InTurn : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch) =>
            new InTurnPlan(sources, stepsPerEpoch ?? sources.Sum(source => source.Batches));
    }

    private sealed record ByTemperature(double Tau) : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch) =>
            new QuotaPlan(sources, [.. sources.Select(source => Math.Pow(source.Batches, Tau))], seed, stepsPerEpoch);
    }

    private sealed record ByWeights(IReadOnlyDictionary<string, double> Weights) : SourceSampling
    {
        private protected override SourcePlan MakePlan(IReadOnlyList<PlannedSource> sources, long seed, long? stepsPerEpoch)
        {
            var names = sources.Select(source => source.Name).ToArray();
            if (names.Except(Weights.Keys).Concat(Weights.Keys.Except(names)).FirstOrDefault() is { } odd)
            {
                throw new MultiInputException(
                    $"source '{odd}'",
                    ModelComponent.Training,
                    names.Contains(odd) ? "its sampling has no weight." : "it has a sampling weight, and there is no such source.",
                    $"Give a weight for each of {Shapes.Names(names)} and no other.");
            }

            return new QuotaPlan(sources, [.. names.Select(name => Weights[name])], seed, stepsPerEpoch);
        }

        // Checkpoints hold it, to be compared.
        public override string ToString() => $"Fixed({Shapes.Weights(Weights)})";
    }
}
