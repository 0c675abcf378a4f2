using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// What is wrong with the content of a checkpoint, which is not trusted before all of it fits the training; null if nothing is.
/// </summary>
internal static class CheckpointChecks
{
    /// <summary>Checks a state against the plan.</summary>
    /// <param name="state">The state.</param>
    /// <param name="plan">The plan.</param>
    /// <param name="sources">The names of the sources.</param>
    /// <param name="tasks">The names of the tasks.</param>
    public static string? OfState(
        TrainingState state, TrainingPlan plan, IReadOnlyCollection<string> sources, IReadOnlyCollection<string> tasks)
    {
        var (phases, stepsPerEpoch) = (plan.Phases, plan.StepsPerEpoch);
        if (state.Phase < 0 || state.Phase > phases.Count)
            return $"it stands in phase {state.Phase + 1L}, but the training has {phases.Count}.";
        var (first, end) = state.Phase < phases.Count ? (phases[state.Phase].First, phases[state.Phase].End) : (plan.Steps, plan.Steps);
        if (state.Step < first || state.Step > end)
            return $"it stands after step {state.Step}, which is not in phase {state.Phase + 1}.";
        if (OfHistory(state, plan) is { } mistake)
            return mistake;

        // At the end of an epoch its evaluation may still be to come.
        var done = state.History.Count(result => result.Step > first);
        var epochs = (state.Step - first) / stepsPerEpoch;
        if (state.Phase < phases.Count && done != epochs && !((state.Step - first) % stepsPerEpoch == 0 && done == epochs - 1))
            return $"it stands after step {state.Step}, but its history has {done} epochs of this phase.";
        if (state.Phase < phases.Count && state.Step == end && done == epochs)
            return $"it stands after the last step of phase {state.Phase + 1}, which has ended.";
        if (state.Losses.FirstOrDefault(pair => pair.Value is null || !(pair.Value.Divisor >= 0) || !tasks.Contains(pair.Key)).Key is { } odd)
            return $"its losses are damaged at '{odd}'.";
        if (state.Drawn.FirstOrDefault(pair => pair.Value < 0 || !sources.Contains(pair.Key)).Key is { } source)
            return $"its number of samples of source '{source}' is damaged.";
        if ((state.BestEpoch is null) != (state.BestValue is null) || (state.BestEpoch is { } best && state.History.All(result => result.Epoch != best)))
            return "its best epoch is not one of its epochs.";
        return state.EpochsWithoutBetter < 0 ? "its number of epochs without a better one is negative." : null;
    }

    /// <summary>Checks that all required tensors exist, with their types and shapes; any others must be allowed.</summary>
    public static string? OfTensors(
        IReadOnlyDictionary<string, Tensor> found, IReadOnlyDictionary<string, (ScalarType Type, long[] Shape, bool IsDue)> known, string prefix)
    {
        foreach (var (name, value) in found)
        {
            if (!known.TryGetValue(name, out var place))
                return $"its tensor '{prefix}{name}' does not belong to the training.";
            if (value.dtype != place.Type || !value.shape.SequenceEqual(place.Shape))
                return $"its tensor '{prefix}{name}' is {value.dtype} of shape {Shapes.Text(value.shape)} instead of {place.Type} of {Shapes.Text(place.Shape)}.";
        }

        return known.FirstOrDefault(pair => pair.Value.IsDue && !found.ContainsKey(pair.Key)).Key is { } missing ? $"its tensor '{prefix}{missing}' is missing." : null;
    }

    private static string? OfHistory(TrainingState state, TrainingPlan plan)
    {
        var (phases, stepsPerEpoch) = (plan.Phases, plan.StepsPerEpoch);
        var before = 0L;
        foreach (var (index, result) in state.History.Index())
        {
            var damaged = result is null
                || result.Losses is null || result.EpochsSeen is null || result.Validation is null
                || result.Phase < 1 || result.Phase > phases.Count
                || result.Step <= before || result.Step > state.Step
                || result.Step <= phases[result.Phase - 1].First || result.Step > phases[result.Phase - 1].End
                || result.Step % stepsPerEpoch != 0 || result.Epoch != result.Step / stepsPerEpoch
                || result.Validation.Values.Any(evaluation => evaluation?.Metrics is null || evaluation.Primary is null || !evaluation.Metrics.ContainsKey(evaluation.Primary));
            if (damaged)
                return $"entry {index + 1} of its history is damaged.";
            before = result!.Step;
        }

        return null;
    }
}
