namespace MultiInputNet.Training;

/// <summary>Where a training stands after a step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">All steps of the plan.</param>
/// <param name="Epoch">The epoch of this step, from 1.</param>
/// <param name="Epochs">All epochs of the plan.</param>
/// <param name="Phase">The phase of this step, from 1.</param>
/// <param name="Phases">All phases.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="Losses">The loss of each task that had labels in this step: the mean over them, of all its sources.</param>
/// <param name="Metrics">The primary metric of each task over the training batches of this epoch so far.</param>
/// <param name="EpochsSeen">How often each source has been passed since the training began.</param>
/// <param name="Remaining">The time that the rest of the plan takes at the speed so far; evaluations count.</param>
public sealed record TrainingProgress(
    long Step,
    long Steps,
    int Epoch,
    int Epochs,
    int Phase,
    int Phases,
    double LearningRate,
    IReadOnlyDictionary<string, double> Losses,
    IReadOnlyDictionary<string, double> Metrics,
    IReadOnlyDictionary<string, double> EpochsSeen,
    TimeSpan Remaining)
{
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
    public override string ToString() => RecordText.Of(this);
}
