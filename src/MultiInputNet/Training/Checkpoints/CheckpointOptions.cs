namespace MultiInputNet.Training;

/// <summary>
/// Where and when a training writes down all that it needs to go on: weights, optimizer, phase, step, averages and history.
/// Files are written beside and renamed, so that a checkpoint is whole or not there.
/// </summary>
/// <param name="Folder">The folder of one training; it is made if it is not there.</param>
public sealed record CheckpointOptions(string Folder)
{
    /// <summary>Steps from one checkpoint to the next, besides those at the start and behind each epoch.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public int? EverySteps { get; init => field = value is { } steps ? OptionRange.AtLeast(steps, 1, nameof(EverySteps)) : null; }

    /// <summary>How many of the latest checkpoints are kept.</summary>
    /// <value>Default: 2.</value>
    public int Keep { get; init => field = OptionRange.AtLeast(value, 1, nameof(Keep)); } = 2;

    /// <summary>
    /// Whether a training may go on from an earlier checkpoint where the latest cannot be read. <see cref="TrainingHistory.Warnings"/> and
    /// the progress say which was left and why; it stays beside the others with the ending <c>.damaged</c>.
    /// </summary>
    /// <value>Default: <see langword="false"/>, it is refused.</value>
    public bool AllowEarlier { get; init; }
}
