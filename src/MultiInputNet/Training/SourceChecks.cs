using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>Rejects sources that do not fit a model, and those from which nothing could be learned.</summary>
internal static class SourceChecks
{
    /// <summary>The head of a task, which knows its loss and its metrics.</summary>
    /// <exception cref="MultiInputException">The head is a module of another type.</exception>
    public static TaskHead TaskHead(this MultiInputModel model, string task) => model.Head(task) as TaskHead ?? throw new MultiInputException(
        $"task '{task}'", ModelComponent.Training, $"its head is a {model.Head(task).GetType().Name}, which has no loss.", "Derive it from TaskHead.");

    /// <summary>Checks that a model can be trained as requested.</summary>
    public static void CheckTraining(
        MultiInputModel model, TrainerOptions options, IReadOnlyList<DataSource> sources, IReadOnlyList<DataSource>? validation)
    {
        CheckFit(model, sources);
        CheckFit(model, validation ?? []);
        if (sources.Count == 0)
            throw new MultiInputException("training", ModelComponent.Training, "there is no source.", "Give at least one.");
        CheckLabels(model, sources);
        if (options.EarlyStopping is { } stopping && validation?.Any(source => HasLabels(model, source, stopping.Task)) != true)
        {
            throw new MultiInputException(
                "training",
                ModelComponent.Training,
                $"early stopping watches {(stopping.Task is null ? "the validation" : $"task '{stopping.Task}'")}, but no validation source has labels for it.",
                "Give validation sources with labels.");
        }

        if (options.MixupAlpha is not null)
            CheckMixup(model, sources);
    }

    /// <summary>Checks that a model has the tasks and inputs of sources, and that labels are what their heads take.</summary>
    public static void CheckFit(MultiInputModel model, IReadOnlyList<DataSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        if (sources.Contains(null!))
            throw new ArgumentException("One of the sources is null.", nameof(sources));
        foreach (var source in sources)
        {
            if (sources.Count(other => other.Name == source.Name) > 1)
            {
                throw new MultiInputException(
                    $"source '{source.Name}'", ModelComponent.Training, "there are several with this name.", "Give each a different name.");
            }

            if (source.Targets.Count == 0)
            {
                throw new MultiInputException(
                    $"source '{source.Name}'",
                    ModelComponent.Training,
                    "it has no labels, so that nothing can be learned from it or measured with it.",
                    "Give it labels of a task; samples without them are for prediction.");
            }

            foreach (var (task, target) in source.Targets)
            {
                var route = model.FindRoute(task);
                if (route.Task != task || route.Inputs.FirstOrDefault(name => !source.InputNames.Contains(name)) is not null)
                {
                    throw new MultiInputException(
                        $"source '{source.Name}'",
                        ModelComponent.Training,
                        $"it has labels for task '{route.Task}' but the inputs {Shapes.Names(source.InputNames)}.",
                        $"The task reads {Shapes.Names(route.Inputs)}: give them all, under the task's own name.");
                }

                source.CheckThere(task, target);
                model.TaskHead(task).CheckTarget(target);
            }
        }
    }

    private static void CheckLabels(MultiInputModel model, IReadOnlyList<DataSource> sources)
    {
        if (sources.FirstOrDefault(source => !HasLabels(model, source)) is { } unlabelled)
        {
            throw new MultiInputException(
                $"source '{unlabelled.Name}'",
                ModelComponent.Training,
                $"all its labels for task {Shapes.Names(unlabelled.Targets.Keys)} are missing, so that nothing can be learned from it.",
                "Give it labels, or remove it.");
        }

        if (sources.SelectMany(source => source.Targets.Keys).FirstOrDefault(task => !sources.Any(source => HasLabels(model, source, task))) is { } task)
        {
            throw new MultiInputException(
                $"task '{task}'",
                ModelComponent.Training,
                $"all its labels in source {Shapes.Names(sources.Where(source => source.Targets.ContainsKey(task)).Select(source => source.Name))} are missing, so that it cannot be learned.",
                "Give it labels, or remove the task from the sources.");
        }
    }

    private static void CheckMixup(MultiInputModel model, IReadOnlyList<DataSource> sources)
    {
        foreach (var input in model.Paths.Where(path => sources.Any(source => source.InputNames.Contains(path.Name))))
        {
            if (input.Spec.MixupMistake is { } mistake)
                throw new MultiInputException($"input '{input.Name}'", ModelComponent.Training, mistake, "Omit MixupAlpha.");
        }
    }

    /// <summary>Whether a source has a label for a task; for any of its tasks when null.</summary>
    private static bool HasLabels(MultiInputModel model, DataSource source, string? task = null) =>
        source.Targets.Any(pair => (task ?? pair.Key) == pair.Key && model.TaskHead(pair.Key).HasLabels(pair.Value));
}
