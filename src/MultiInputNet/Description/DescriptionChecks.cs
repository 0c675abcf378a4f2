namespace MultiInputNet;

/// <summary>The mistakes in a description that can be found without building anything.</summary>
internal static class DescriptionChecks
{
    public static void Check(ModelDescription description)
    {
        CheckNames(description);
        CheckBases(description);
        foreach (var input in description.Inputs)
        {
            Throw($"input '{input.Name}'", ModelComponent.Input, input.Spec.FindMistake());
            if (input.Projection is { } projection)
            {
                Throw($"input '{input.Name}'", ModelComponent.Projection, projection.FindMistake(input.Spec));
                CheckFactory($"input '{input.Name}'", ModelComponent.Projection, projection);
            }
        }

        foreach (var task in description.Tasks)
            CheckTask(description, task);
    }

    /// <summary>Throws if a mistake was found.</summary>
    public static void Throw(string subject, ModelComponent component, (string Problem, string Cure)? mistake)
    {
        if (mistake is var (problem, cure))
            throw new MultiInputException(subject, component, problem, cure);
    }

    /// <summary>The inputs that a task reads.</summary>
    public static IReadOnlyList<string> Sources(TaskDescription task) => task.From ?? [task.Name];

    private static void CheckNames(ModelDescription description)
    {
        if (description.Inputs.Count == 0)
            throw new MultiInputException("model", ModelComponent.Description, "it has no input.", "Add one with .Input(name, Inputs...).");
        if (description.Tasks.Count == 0)
            throw new MultiInputException("model", ModelComponent.Description, "it has no task.", "Add one with .Task(name, Heads...).");
        CheckNames("input", [.. description.Inputs.Select(input => input.Name)]);
        CheckNames("task", [.. description.Tasks.Select(task => task.Name)]);
    }

    private static void CheckNames(string what, IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            if (!WeightNames.IsPart(name))
            {
                throw new MultiInputException(
                    $"{what} '{name}'",
                    ModelComponent.Description,
                    "its name cannot be part of a weight's name.",
                    "Use 1 to 100 letters, digits, '_' and '-'.");
            }

            if (names.Count(other => other == name) > 1)
            {
                throw new MultiInputException(
                    $"{what} '{name}'", ModelComponent.Description, $"there are {names.Count(n => n == name)} {what}s of this name.", "Give each a different name.");
            }
        }
    }

    private static void CheckBases(ModelDescription description)
    {
        var known = description.Inputs.Select(input => input.Name).ToArray();
        foreach (var described in description.Bases)
        {
            var subject = described.Inputs is null ? "base" : $"base of {Shapes.Names(described.Inputs)}";
            if (described.Inputs is { Count: 0 })
                throw new MultiInputException("base", ModelComponent.Base, "it serves no input.", "Name the inputs, or leave the list out to serve all.");
            foreach (var name in described.Inputs ?? [])
            {
                if (!known.Contains(name))
                    throw Unknown(subject, ModelComponent.Base, name, known);
                if (description.Bases.Sum(b => b.Inputs?.Count(n => n == name) ?? 0) > 1)
                    throw new MultiInputException($"input '{name}'", ModelComponent.Base, "several bases name it.", "Name it in one of them.");
            }

            Throw(subject, ModelComponent.Base, described.Spec.FindMistake());
            CheckFactory(subject, ModelComponent.Base, described.Spec);
        }

        if (description.Bases.Count(b => b.Inputs is null) > 1)
        {
            throw new MultiInputException(
                "model", ModelComponent.Base, "it has several bases for all inputs.", "Keep one, and name the inputs of the others: .Base(..., inputs: [\"...\"]).");
        }

        var served = description.Bases.Any(b => b.Inputs is null) ? known : description.Bases.SelectMany(b => b.Inputs!);
        if (known.Except(served).FirstOrDefault() is { } without)
            throw new MultiInputException($"input '{without}'", ModelComponent.Base, "it has no base.", "Add one for all inputs with .Base(Bases...).");
    }

    private static void CheckTask(ModelDescription description, TaskDescription task)
    {
        var subject = $"task '{task.Name}'";
        var known = description.Inputs.Select(input => input.Name).ToArray();
        var sources = Sources(task);
        if (sources.Count == 0)
            throw new MultiInputException(subject, ModelComponent.Input, "it reads no input.", "Name at least one, or omit 'from'.");
        foreach (var name in sources)
        {
            if (!known.Contains(name))
                throw Unknown(subject, ModelComponent.Input, name, known);
            if (sources.Count(n => n == name) > 1)
                throw new MultiInputException(subject, ModelComponent.Input, $"it reads input '{name}' more than once.", "Name each input once.");
        }

        Throw(subject, ModelComponent.Head, task.Head.FindMistake());
        CheckFactory(subject, ModelComponent.Head, task.Head);
        CheckFactory(subject, ModelComponent.Fusion, task.Fusion ?? description.Fusion);
    }

    private static void CheckFactory(string subject, ModelComponent component, object? spec)
    {
        if (spec is ICustomSpec { Factory: null } custom)
        {
            throw new MultiInputException(
                subject,
                component,
                $"it is a module of your own, '{custom.Name}', of which a file holds only the name.",
                $"Pass its factory when reading: customModules: new Dictionary<string, Delegate> {{ [\"{custom.Name}\"] = ... }}.");
        }
    }

    private static MultiInputException Unknown(string subject, ModelComponent component, string name, IReadOnlyList<string> known) =>
        new(subject, component, $"it reads input '{name}', which the model does not have.", $"The inputs are {Shapes.Names(known)}; add it with .Input(\"{name}\", ...).");
}
