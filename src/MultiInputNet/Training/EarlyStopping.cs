namespace MultiInputNet.Training;

/// <summary>
/// Ends a stage of a training when the validation no longer gets better, and gives the model the best weights of all epochs.
/// </summary>
public sealed record EarlyStopping
{
    /// <summary>The task whose primary metric counts.</summary>
    /// <value>
    /// Default: <see langword="null"/>, the mean over the tasks of their primary metrics; those of which lower is better count negative.
    /// </value>
    public string? Task { get; init; }

    /// <summary>Epochs without a better value before the stage ends.</summary>
    /// <value>Default: 5.</value>
    public int Patience { get; init => field = TrainerOptions.AtLeast(value, 1, nameof(Patience)); } = 5;

    /// <summary>By how much a value must be better to count.</summary>
    /// <value>Default: 0.</value>
    public double MinDelta { get; init => field = TrainerOptions.Between(value, 0, double.MaxValue, nameof(MinDelta)); }
}
