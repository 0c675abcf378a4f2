namespace MultiInputNet.Training;

/// <summary>
/// Ends a phase of a training when the validation no longer gets better, and gives the model the best weights of all epochs.
/// </summary>
/// <remarks>
/// Epochs are compared by values without a unit (<see cref="TaskEvaluation.Score"/>): accuracy, micro-F1, for a regression the share
/// of the variance that is explained. A task without a finite value, such as one without labels in the validation, is left
/// out; an epoch in which fewer tasks have a value is never better. Where none has one after the first epoch, the training
/// stops with an exception.
/// </remarks>
public sealed record EarlyStopping
{
    /// <summary>The task whose value counts.</summary>
    /// <value>Default: <see langword="null"/>, the mean over the tasks.</value>
    public string? Task { get; init; }

    /// <summary>Epochs without a better value before the phase ends.</summary>
    /// <value>Default: 5.</value>
    public int Patience { get; init => field = TrainerOptions.AtLeast(value, 1, nameof(Patience)); } = 5;

    /// <summary>By how much a value must be better to count; it has no unit, as 0.01 of accuracy.</summary>
    /// <value>Default: 0.</value>
    public double MinDelta { get; init => field = TrainerOptions.Between(value, 0, double.MaxValue, nameof(MinDelta)); }
}
