namespace MultiInputNet.Training;

/// <summary>
/// Where and when a training saves all that it needs to resume: weights, optimizer, phase, step, averages and history. Files are written
/// under a temporary name and renamed, so that a checkpoint is either complete or does not exist.
/// </summary>
/// <param name="Folder">The folder of one training; it is created if it does not exist.</param>
public sealed record CheckpointOptions(string Folder)
{
    /// <summary>Steps between checkpoints, in addition to those at the start and after each epoch.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public int? EverySteps { get; init => field = value is { } steps ? OptionRange.AtLeast(steps, 1, nameof(EverySteps)) : null; }

    /// <summary>How many of the latest checkpoints to keep.</summary>
    /// <value>Default: 2.</value>
    public int Keep { get; init => field = OptionRange.AtLeast(value, 1, nameof(Keep)); } = 2;

    /// <summary>
    /// Whether a training may resume from an earlier checkpoint if the latest cannot be read. <see cref="TrainingHistory.Warnings"/> and
    /// the progress say which one was skipped and why; it stays in the folder with the extension <c>.damaged</c>.
    /// </summary>
    /// <value>Default: <see langword="false"/>, an error is thrown.</value>
    public bool AllowEarlier { get; init; }
}
