namespace MultiInputNet.Training;

/// <summary>Where a training stands after a step.</summary>
public sealed record TrainingProgress
{
    /// <summary>Steps done.</summary>
    public required long Step { get; init; }

    /// <summary>All steps of the plan.</summary>
    public required long Steps { get; init; }

    /// <summary>The epoch of this step, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>All epochs of the plan.</summary>
    public required int Epochs { get; init; }

    /// <summary>The phase of this step, from 1.</summary>
    public required int Phase { get; init; }

    /// <summary>All phases.</summary>
    public required int Phases { get; init; }

    /// <summary>The rate of this step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The loss of each task that had labels in this step: the mean over them, of all its sources.</summary>
    public required IReadOnlyDictionary<string, double> Losses { get; init; }

    /// <summary>The primary metric of each task over the training batches of this epoch so far.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>How often each source has been seen since the training began.</summary>
    public required IReadOnlyDictionary<string, double> EpochsSeen { get; init; }

    /// <summary>The time that the rest of the plan takes at the speed so far; evaluations count.</summary>
    public required TimeSpan Remaining { get; init; }

    /// <summary>The name of each of <see cref="Metrics"/>, by the task's name, such as <c>accuracy</c> or <c>rmse</c>.</summary>
    /// <value>Default: empty.</value>
    public IReadOnlyDictionary<string, string> MetricNames { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// What was noticed since the previous report that is legal but probably a mistake. See <see cref="TrainingHistory.Warnings"/>.
    /// </summary>
    /// <value>Default: empty.</value>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The result of the epoch, at its last step.</summary>
    public EpochResult? EpochResult { get; init; }

    /// <summary>The checkpoint that was written after this step, if any.</summary>
    public string? Checkpoint { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
