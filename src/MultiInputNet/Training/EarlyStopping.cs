namespace MultiInputNet.Training;

/// <summary>
/// Ends a phase of a training when the validation no longer improves, and gives the model the best weights of all epochs.
/// </summary>
/// <remarks>
/// Epochs are compared by unit-free values (<see cref="TaskEvaluation.Score"/>): accuracy, micro-F1, for a regression the explained share
/// of the variance. A task without a finite value, such as one without labels in the validation set, is left out; an epoch in which fewer
/// tasks have a value is never better. If no task has one after the first epoch, the training stops with an exception.
/// </remarks>
public sealed record EarlyStopping
{
    /// <summary>The task to watch.</summary>
    /// <value>Default: <see langword="null"/>, the mean over the tasks.</value>
    public string? Task { get; init; }

    /// <summary>Epochs without improvement before the phase ends.</summary>
    /// <value>Default: 5.</value>
    public int Patience { get; init => field = OptionRange.AtLeast(value, 1, nameof(Patience)); } = 5;

    /// <summary>By how much a value must improve to count; unit-free, such as 0.01 of accuracy.</summary>
    /// <value>Default: 0.</value>
    public double MinDelta { get; init => field = OptionRange.Between(value, 0, double.MaxValue, nameof(MinDelta)); }

    /// <summary>Compares an epoch with the best before it, and records the result in the state of the training.</summary>
    /// <returns>Whether it is the best so far.</returns>
    /// <exception cref="MultiInputException">No value of the first epoch is finite.</exception>
    internal bool IsBest(EpochResult result, TrainingState state)
    {
        var values = Values(result);
        var best = state.History.FirstOrDefault(epoch => epoch.Epoch == state.BestEpoch);
        var due = best is null ? 0 : Values(best).Length;
        if (values.Length == 0 && best is null)
        {
            var tasks = Shapes.Names(Task is null ? result.Validation.Keys : [Task]);
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"early stopping has nothing to compare: in the validation set, no value of task {tasks} is finite.",
                "Validate on samples whose labels vary: several classes or numbers, and positives for multi-label tasks; or omit EarlyStopping.");
        }

        var value = values.DefaultIfEmpty(double.NegativeInfinity).Average();
        if (best is not null && (values.Length < due || (values.Length == due && !(value > state.BestValue + MinDelta))))
        {
            state.EpochsWithoutBetter++;
            return false;
        }

        (state.BestValue, state.BestEpoch, state.EpochsWithoutBetter) = (value, result.Epoch, 0);
        return true;
    }

    /// <summary>The values of an epoch to compare, without tasks that have no finite value.</summary>
    private double[] Values(EpochResult result) =>
        [.. result.Validation.Where(pair => (Task ?? pair.Key) == pair.Key).Select(pair => pair.Value.Score).Where(double.IsFinite)];
}
