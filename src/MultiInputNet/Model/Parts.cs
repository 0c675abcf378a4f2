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
    public static ModelPart BaseStages(params IReadOnlyList<string> names)
    {
        return new(Text(nameof(BaseStages), names), names, model => Stages(model).Select(stage => stage.Name), BaseStages, Find, isWhole: false);

        IEnumerable<nn.Module> Find(BuiltModel model)
        {
            var stages = Stages(model);
            return Check("base stage", names, [.. stages.Select(stage => stage.Name).Distinct()])
                .SelectMany(name => stages.Where(stage => stage.Name == name)).SelectMany(stage => stage.Modules);
        }

        static (string Name, IReadOnlyList<nn.Module> Modules)[] Stages(BuiltModel model) => [.. model.Paths.Select(path => path.Base).Distinct().SelectMany(sharedBase => sharedBase.WholeStages())];
    }

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
    public static ModelPart Projections(params IReadOnlyList<string> inputs) => Named(
        nameof(Projections), "input", inputs, Projections, model => model.Paths.Select(path => (path.Name, path.ProjectionModules)));

    /// <summary>
    /// The layers that inputs have for themselves in their base: normalisations and adapters. <see cref="Base"/> does not include them.
    /// </summary>
    /// <param name="inputs">The inputs; if none is named, all that have such layers.</param>
    /// <returns>The part.</returns>
    public static ModelPart InputLayers(params IReadOnlyList<string> inputs) => Named(
        nameof(InputLayers), "input with layers of its own", inputs, InputLayers, model => model.Paths.Where(path => path.Own is not null).Select(path => (path.Name, Only(path.Own!))));

    /// <summary>The fusions of tasks. A fusion that tasks share belongs to each of them: naming one of these tasks affects all.</summary>
    /// <param name="tasks">The tasks; all if none is named.</param>
    /// <returns>The part.</returns>
    public static ModelPart Fusions(params IReadOnlyList<string> tasks) => Named(
        nameof(Fusions), "task", tasks, Fusions, model => model.Routes.Select(route => (route.Task, Only(route.Fusion))));

    /// <summary>The heads of tasks.</summary>
    /// <param name="tasks">The tasks; all if none is named.</param>
    /// <returns>The part.</returns>
    public static ModelPart Heads(params IReadOnlyList<string> tasks) => Named(
        nameof(Heads), "task", tasks, Heads, model => model.Routes.Select(route => (route.Task, Only(route.Head))));

    private static IEnumerable<nn.Module> Only(nn.Module module) => [module];

    /// <summary>A part with modules for each name; all names if none is given.</summary>
    private static ModelPart Named(
        string part,
        string what,
        IReadOnlyList<string> names,
        Func<IReadOnlyList<string>, ModelPart> make,
        Func<BuiltModel, IEnumerable<(string Name, IEnumerable<nn.Module> Modules)>> all)
    {
        return new(Text(part, names), names, model => all(model).Select(its => its.Name), make, Find);

        IEnumerable<nn.Module> Find(BuiltModel model)
        {
            var known = all(model).ToDictionary(its => its.Name, its => its.Modules);
            return Check(what, names.Count == 0 ? [.. known.Keys] : names, [.. known.Keys]).SelectMany(name => known[name]);
        }
    }

    private static IReadOnlyList<string> Check(string what, IReadOnlyList<string> names, IReadOnlyList<string> known) =>
        names.Except(known).FirstOrDefault() is { } unknown
            ? throw new MultiInputException(
                $"{what} '{unknown}'", ModelComponent.Training, $"the model has no such {what}.", $"Name one of {Shapes.Names(known)}.")
            : names;

    private static string Text(string part, IReadOnlyList<string> names) => $"{part}({string.Join(", ", names.Select(name => $"\"{name}\""))})";
}
