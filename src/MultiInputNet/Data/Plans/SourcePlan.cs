namespace MultiInputNet.Data;

/// <summary>
/// Which batches each step of a training takes from which sources, as a pure function of the step, so that a training can begin
/// at any step. Created by <see cref="SourceSampling.Plan"/>.
/// </summary>
internal abstract class SourcePlan
{
    private readonly IReadOnlyList<PlannedSource> sources;

    private protected SourcePlan(IReadOnlyList<PlannedSource> sources, long stepsPerEpoch)
    {
        this.sources = sources;
        StepsPerEpoch = stepsPerEpoch;
    }

    /// <summary>Steps per epoch.</summary>
    public long StepsPerEpoch { get; }

    private protected int SourceCount => sources.Count;

    /// <summary>The batches of a step, in the order of the sources. It can be called from several threads at once.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <returns>One batch for each source that takes part, at least one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The step is negative.</exception>
    public IReadOnlyList<SourceDraw> At(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        return Draw(step);
    }

    /// <summary>
    /// How often the samples of each source have been seen after some steps: unless the plan follows their sizes, small sources are
    /// seen more often than large ones, and are memorised sooner.
    /// </summary>
    /// <param name="steps">The number of steps; <see cref="StepsPerEpoch"/> for the passes per epoch.</param>
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

    /// <summary>How many batches a source delivers in the first steps.</summary>
    private protected abstract long CountBatches(int source, long steps);
}
