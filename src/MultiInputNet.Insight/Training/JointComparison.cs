using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>A task's results trained together with the others, and alone. See <see cref="Insight.JointAgainstAlone"/>.</summary>
public sealed class JointComparison
{
    /// <summary>The task.</summary>
    public required string Task { get; init; }

    /// <summary>Both trainings for each seed, at least one.</summary>
    public required IReadOnlyList<JointRun> Runs
    {
        get;
        init => field = value is { Count: > 0 } runs && !runs.Contains(null!) ? [.. runs] : throw new ArgumentException("There is no run; give at least one, and none that is null.", nameof(Runs));
    }

    /// <summary>The score (<see cref="TaskEvaluation.Score"/>) together with the other tasks, as a mean over the seeds.</summary>
    public double Joint => Runs.Average(run => run.Joint.Score);

    /// <summary>The score alone, as a mean over the seeds.</summary>
    public double Alone => Runs.Average(run => run.Alone.Score);

    /// <summary>
    /// How much better it is together: the difference of the scores, which are unit-free, as a mean over the seeds; below 0 where it is
    /// better alone.
    /// </summary>
    public double Gain => Runs.Average(run => run.Gain);

    /// <summary>The standard deviation of the gain from seed to seed; NaN for a single one.</summary>
    public double Spread => Runs.Count > 1 ? Math.Sqrt(Runs.Sum(run => Math.Pow(run.Gain - Gain, 2)) / (Runs.Count - 1)) : double.NaN;

    /// <summary>
    /// The standard error of <see cref="Gain"/>: from its spread over several seeds, and from the number of validation samples if the score
    /// is an accuracy, as far as either is known. NaN if neither is, as for one seed and another score.
    /// </summary>
    public double StandardError
    {
        get
        {
            var seeds = Runs.Count > 1 ? Spread * Spread / Runs.Count : double.NaN;
            var samples = Runs.All(run => run.Joint.Primary == "accuracy" && run.Alone.Primary == "accuracy")
                ? Runs.Average(run => Variance(run.Joint) + Variance(run.Alone)) // the same samples for every seed
                : double.NaN;
            return double.IsNaN(seeds) ? Math.Sqrt(samples) : Math.Sqrt(seeds + (double.IsNaN(samples) ? 0 : samples));

            static double Variance(TaskEvaluation its) => its.Score * (1 - its.Score) / its.Count;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}

/// <summary>The results of a task with one seed, together and alone.</summary>
public sealed class JointRun
{
    /// <summary>The seed of the weights, and of the training.</summary>
    public required long Seed { get; init; }

    /// <summary>The task's evaluation by the model of all tasks.</summary>
    public required TaskEvaluation Joint { get; init; }

    /// <summary>Its evaluation by a model of its own.</summary>
    public required TaskEvaluation Alone { get; init; }

    /// <summary>The training of the model of its own.</summary>
    public required TrainingHistory AloneTraining { get; init; }

    /// <summary>How much better it is together: the difference of the scores (<see cref="TaskEvaluation.Score"/>).</summary>
    public double Gain => Joint.Score - Alone.Score;

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}

/// <summary>Where a comparison of trainings stands after a step of one of them.</summary>
public sealed class JointProgress
{
    /// <summary>The task that is trained alone; null for the training of all together.</summary>
    public string? Task { get; init; }

    /// <summary>The seed of this training.</summary>
    public required long Seed { get; init; }

    /// <summary>The training, from 1.</summary>
    public required int Training { get; init; }

    /// <summary>All trainings.</summary>
    public required int Trainings { get; init; }

    /// <summary>Where that training stands.</summary>
    public required TrainingProgress Progress { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
