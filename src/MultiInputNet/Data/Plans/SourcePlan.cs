namespace MultiInputNet.Data;

/// <summary>
/// Which batches each step of a training takes from which sources, as a pure function of the step: a training can begin at
/// any. Made with <see cref="SourceSampling.Plan"/>.
/// </summary>
public abstract class SourcePlan
{
    private readonly IReadOnlyList<PlannedSource> sources;

    private protected SourcePlan(IReadOnlyList<PlannedSource> sources, long stepsPerEpoch)
    {
        this.sources = sources;
        StepsPerEpoch = stepsPerEpoch;
    }

    /// <summary>Steps of an epoch.</summary>
    public long StepsPerEpoch { get; }

    private protected int SourceCount => sources.Count;

    /// <summary>The batches of a step, in the order of the sources. It may be called from several threads at once.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <returns>One batch for each source that takes part, at least one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative.</exception>
    public IReadOnlyList<SourceDraw> At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return Draw(step);
    }

    /// <summary>
    /// How often the samples of each source have been seen after some steps: small sources are passed more often than large
    /// ones wherever the plan does not follow their sizes, and learn their samples by heart the sooner.
    /// </summary>
    /// <param name="steps">How many steps; <see cref="StepsPerEpoch"/> for the passes of an epoch.</param>
    /// <returns>The samples seen divided by the number of samples, by the source's name.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    public IReadOnlyDictionary<string, double> Passes(long steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        return sources.Index().ToDictionary(
            source => source.Item.Name,
            source => (double)CountBatches(source.Index, steps) * Math.Min(source.Item.BatchSize, source.Item.Count) / source.Item.Count);
    }

    private protected abstract IReadOnlyList<SourceDraw> Draw(long step);

    /// <summary>How many batches a source gives to the first steps.</summary>
    private protected abstract long CountBatches(int source, long steps);
}
