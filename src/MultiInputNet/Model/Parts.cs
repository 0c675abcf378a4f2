using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The parts of a model that can be frozen, or trained at their own rate.</summary>
public static class Parts
{
    /// <summary>The whole model.</summary>
    public static ModelPart All { get; } = new("All", model => model.Module.children());

    /// <summary>Every base, completely.</summary>
    public static ModelPart Base { get; } = new("Base", model => model.Paths.Select(path => path.Base));

    /// <summary>Stages of the bases by name. See <see cref="SharedBase.Stages"/>.</summary>
    /// <param name="names">The names, at least one.</param>
    /// <returns>The part.</returns>
    public static ModelPart BaseStages(params IReadOnlyList<string> names) => new(Text(nameof(BaseStages), names), model =>
    {
        var stages = model.Paths.Select(path => path.Base).Distinct().SelectMany(sharedBase => sharedBase.WholeStages()).ToArray();
        return Check("base stage", names, [.. stages.Select(stage => stage.Name).Distinct()])
            .SelectMany(name => stages.Where(stage => stage.Name == name)).SelectMany(stage => stage.Modules);
    }, isWhole: false);

    /// <summary>The last stages of every base.</summary>
    /// <param name="count">The number of stages, at least 1; all if a base has fewer.</param>
    /// <returns>The part.</returns>
    public static ModelPart LastBaseStages(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return new($"LastBaseStages({count})", model =>
            model.Paths.Select(path => path.Base).Distinct().SelectMany(sharedBase => sharedBase.WholeStages().TakeLast(count)).SelectMany(stage => stage.Modules), isWhole: false);
    }

    /// <summary>The projections of inputs, with what those share with others (<see cref="Projections.AdaptedStem"/>).</summary>
    /// <param name="inputs">The inputs; all when none is named.</param>
    /// <returns>The part.</returns>
    public static ModelPart Projections(params IReadOnlyList<string> inputs) => new(
        Text(nameof(Projections), inputs),
        model => Named("input", inputs, model.Paths.Select(path => (path.Name, path.ProjectionModules))).SelectMany(modules => modules));

    /// <summary>
    /// The layers that inputs have for themselves in their base: normalisations and adapters. <see cref="Base"/> does not include them.
    /// </summary>
    /// <param name="inputs">The inputs; if none is named, all that have such layers.</param>
    /// <returns>The part.</returns>
    public static ModelPart InputLayers(params IReadOnlyList<string> inputs) => new(
        Text(nameof(InputLayers), inputs),
        model => Named("input with layers of its own", inputs, model.Paths.Where(path => path.Own is not null).Select(path => (path.Name, path.Own!))));

    /// <summary>The fusions of tasks. A fusion that tasks share belongs to each of them: naming one of these tasks affects all.</summary>
    /// <param name="tasks">The tasks; all if none is named.</param>
    /// <returns>The part.</returns>
    public static ModelPart Fusions(params IReadOnlyList<string> tasks) => new(
        Text(nameof(Fusions), tasks),
        model => Named("task", tasks, model.Routes.Select(route => (route.Task, (nn.Module)route.Fusion))));

    /// <summary>The heads of tasks.</summary>
    /// <param name="tasks">The tasks; all if none is named.</param>
    /// <returns>The part.</returns>
    public static ModelPart Heads(params IReadOnlyList<string> tasks) => new(
        Text(nameof(Heads), tasks),
        model => Named("task", tasks, model.Routes.Select(route => (route.Task, (nn.Module)route.Head))));

    private static IEnumerable<T> Named<T>(string what, IReadOnlyList<string> names, IEnumerable<(string Name, T Module)> all)
    {
        var known = all.ToDictionary(pair => pair.Name, pair => pair.Module);
        return Check(what, names.Count == 0 ? [.. known.Keys] : names, [.. known.Keys]).Select(name => known[name]);
    }

    private static IReadOnlyList<string> Check(string what, IReadOnlyList<string> names, IReadOnlyList<string> known) =>
        names.Except(known).FirstOrDefault() is { } unknown
            ? throw new MultiInputException(
                $"{what} '{unknown}'", ModelComponent.Training, $"the model has no such {what}.", $"Name one of {Shapes.Names(known)}.")
            : names;

    private static string Text(string part, IReadOnlyList<string> names) => $"{part}({string.Join(", ", names.Select(name => $"\"{name}\""))})";
}
