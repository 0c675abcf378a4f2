using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Creates the modules of a description on a device and determines the shapes between them.</summary>
internal sealed class ModelAssembly
{
    private readonly long largestModel;
    private readonly long largestPass;
    private readonly List<nn.Module> modules = [];
    private readonly Dictionary<BaseDescription, BuiltBase> bases = [];
    private Int128 weightsLeft;

    /// <summary>Creates the modules.</summary>
    /// <param name="description">The description of the model.</param>
    /// <param name="device">The device.</param>
    /// <param name="largestModel">The most weights that it may have, not counting biases and normalisations.</param>
    /// <param name="largestPass">The most values of maps that may be in memory at one time while shapes are determined.</param>
    public ModelAssembly(ModelDescription description, Device device, long largestModel, long largestPass)
    {
        Device = device;
        this.largestPass = largestPass;
        weightsLeft = this.largestModel = largestModel;
        try
        {
            DescriptionChecks.Check(description);
            foreach (var described in description.Bases)
                bases.Add(described, MakeBase(described));
            foreach (var input in description.Inputs)
                Paths.Add(MakePath(input, description.Bases.FirstOrDefault(b => b.Inputs?.Contains(input.Name) == true) ?? description.Bases.First(b => b.Inputs is null)));
            FusionSpec[] fusions = [.. description.Tasks.Select(task => FindFusion(task, description.Fusion))];
            if (description.SharesFusion)
                SharedFusion = MakeSharedFusion(description);
            foreach (var (task, fusion) in description.Tasks.Zip(fusions))
                Routes.Add(MakeRoute(task, fusion));
            Groups = BaseGroup.Find(Paths);
            Warnings = [.. FindWarnings(description)];
            GuardNormalizations();
        }
        catch
        {
            modules.ForEach(module => module.Dispose());
            throw;
        }
    }

    public Device Device { get; }

    public List<InputPath> Paths { get; } = [];

    public List<Route> Routes { get; } = [];

    /// <summary>The fusion of all tasks without one of their own, where they share it.</summary>
    public nn.Module? SharedFusion { get; private set; }

    public IReadOnlyList<BaseGroup> Groups { get; }

    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The base of all inputs that have none of their own.</summary>
    public BuiltBase? Shared => bases.FirstOrDefault(pair => pair.Key.Inputs is null).Value;

    /// <summary>The bases of some inputs, each by the first of them.</summary>
    public IEnumerable<(string FirstInput, BuiltBase Base)> OwnBases =>
        bases.Where(pair => pair.Key.Inputs is not null).Select(pair => (pair.Key.Inputs![0], pair.Value));

    private BuiltBase MakeBase(BaseDescription described)
    {
        var sharedBase = Own(Create(Subject(described), ModelComponent.Base, described.Spec, described.Spec.CountWeights(), described.Spec.Create));
        FoldedProjection.Prepare(sharedBase);
        if (described is { PerInput: PerInput.Nothing, Adapters: Adapters.None })
            return new(sharedBase, null, new());
        var layers = new InputLayers(sharedBase, described.PerInput, described.Adapters);
        DescriptionChecks.Throw(Subject(described), ModelComponent.Base, layers.FindMistake());
        return new(sharedBase, layers, new());
    }

    private InputPath MakePath(InputDescription input, BaseDescription described)
    {
        var subject = $"input '{input.Name}'";
        var spec = input.Spec;
        var (sharedBase, layers, _) = bases[described];
        var target = Target(described);
        var projectionSpec = input.Projection ?? described.Spec.DefaultProjection(spec);
        var standardization = spec.Mean is null
            ? described.Spec.CreateStandardization(spec, projectionSpec)
            : new Standardization(spec.Mean, spec.StandardDeviation!);
        if (standardization is not null)
            Own(standardization);
        var projection = Own(Create(
            subject, ModelComponent.Projection, projectionSpec, projectionSpec.CountWeights(spec, target), () => projectionSpec.Create(spec, target)));
        var stem = projection as Stem;
        foreach (var slice in stem?.Slices.Except(modules) ?? [])
            Own(slice);
        var replaced = stem is null ? null : sharedBase.FirstConvolution;
        var own = layers?.HasParts(replaced) != true ? null
            : Own(Create(subject, ModelComponent.Base, described, layers.CountWeights(replaced), () => layers.Create(replaced)));

        var folded = FoldedProjection.Find(projection, sharedBase, layers);

        using var pass = new DummyPass(own is null ? [projection, sharedBase] : [projection, sharedBase, own]);
        var budget = new PassBudget(subject, Math.Min(largestPass, described.Spec.LargestPass));
        using var probe = new ForwardProbe(projection, budget);
        using var baseProbe = new ForwardProbe(sharedBase, budget);
        using var ownProbe = own is null ? null : new ForwardProbe(own, budget);
        using var run = new BaseRun(input.Name, own?.ByLayer) { EntersAfter = replaced };
        budget.Require(spec.Shape.Aggregate(1L, (product, size) => product * size));
        var sample = spec.ZeroSample(Device);

        var projected = Run(
            subject,
            ModelComponent.Projection,
            () => projection.call(sample),
            $"its projection cannot take {Shapes.Text(sample.shape)}",
            "Make the projection fit the declared shape of the input.");
        if (projected.dim() != 4 || projected.shape[0] != 1 || (stem is null && projected.shape[1] != sharedBase.Channels))
        {
            throw new MultiInputException(
                subject,
                ModelComponent.Projection,
                $"{Shapes.Text(sample.shape)} becomes {Shapes.Text(projected.shape)}, and the base takes (1, {sharedBase.Channels}, height, width).",
                $"Let the projection give a map of {sharedBase.Channels} channels.");
        }

        projected = ChannelsLast.Of(projected);
        var features = Run(
            subject,
            ModelComponent.Base,
            () => sharedBase.call(projected),
            $"the base cannot take its map of {Shapes.Text(projected.shape)}",
            $"The base must take maps of {sharedBase.Channels} channels, as it is described, and of this height and width: give its true channel "
            + "count, or where its poolings leave nothing of the map, a larger input or grid, or fewer poolings.");
        if (FeatureShape.Find(features) is not { } shape || features.shape[0] != 1)
        {
            throw new MultiInputException(
                subject,
                ModelComponent.Base,
                $"the base turns {Shapes.Text(projected.shape)} into {Shapes.Text(features.shape)}, which is neither a feature map nor tokens.",
                "Let it return (batch, channels, height, width) or (batch, tokens, channels): remove its pooling to a vector, flattening and classifier.");
        }

        if (layers?.FindUnseen(replaced) is { } unseen)
        {
            throw new MultiInputException(
                Subject(described),
                ModelComponent.Base,
                $"its layer '{unseen}' is to have a part for each input, and no map came through its call(...).",
                "Run it with call(...) instead of forward(...) in your module.");
        }

        return new InputPath(
            input.Name,
            spec,
            standardization,
            projection,
            sharedBase,
            folded,
            own,
            described.Spec.Mixing,
            sharedBase.FirstConvolution is { } first && baseProbe.MapOf(first) is { } joining ? joining : MapShape.Of(projected),
            MapShape.Of(projected),
            shape,
            probe.Macs + baseProbe.Macs + (ownProbe?.Macs ?? 0),
            probe.Macs,
            Math.Max(projected.numel(), baseProbe.LargestResult));
    }

    private FeatureShape[] ShapesOf(TaskDescription task) =>
        [.. DescriptionChecks.Sources(task).Select(name => Paths.First(path => path.Name == name).Features)];

    /// <summary>The fusion of a task, which fits the features of its inputs.</summary>
    private FusionSpec FindFusion(TaskDescription task, FusionSpec? defaultFusion)
    {
        // In a task with several inputs, the model's fusion is applied to each, and the results are concatenated.
        var spec = task.Fusion ?? defaultFusion ?? Fusions.Flatten();
        var shapes = ShapesOf(task);
        if (task.Fusion is null && shapes.Length > 1 && spec is SingleFusionSpec single)
            spec = Fusions.Concat(single);
        DescriptionChecks.Throw($"task '{task.Name}'", ModelComponent.Fusion, spec.FindMistake(shapes));
        return spec;
    }

    private nn.Module? MakeSharedFusion(ModelDescription description)
    {
        var spec = description.Fusion ?? Fusions.Flatten();
        var tasks = description.Tasks.Where(task => task.Fusion is null).Select(task => (task.Name, Shapes: ShapesOf(task))).ToArray();
        if (tasks.Length == 0)
            return null;
        var channels = tasks.GroupBy(task => spec.ChannelsFor(task.Shapes), task => task.Name).ToArray();
        if (channels.Length > 1)
        {
            throw new MultiInputException(
                $"tasks {Shapes.Names(tasks.Select(task => task.Name))}",
                ModelComponent.Fusion,
                $"they share one {spec.Title} module, and their features have {string.Join(" and ", channels.Select(names => $"{names.Key} channels ({Shapes.Names(names)})"))}.",
                "Give those of one channel count a fusion of their own, .Task(..., fusion: ...), or all inputs one base.");
        }

        // A user's module is created for the shapes of the first task, and has to take those of the others.
        return Own(Create("shared fusion", ModelComponent.Fusion, spec, spec.CountWeights(tasks[0].Shapes), () => spec.Create(tasks[0].Shapes)));
    }

    private Route MakeRoute(TaskDescription task, FusionSpec fusionSpec)
    {
        var subject = $"task '{task.Name}'";
        var sources = DescriptionChecks.Sources(task);
        var shapes = ShapesOf(task);
        var shared = task.Fusion is null ? SharedFusion : null;
        var fusion = shared ?? Own(Create(subject, ModelComponent.Fusion, fusionSpec, fusionSpec.CountWeights(shapes), () => fusionSpec.Create(shapes)));

        long features;
        long macs;
        var budget = new PassBudget(subject, largestPass);
        budget.Require(shapes.Sum(shape => shape.Count));
        using (var pass = new DummyPass([fusion]))
        using (var probe = new ForwardProbe(fusion, budget))
        {
            var fused = Run(
                subject,
                ModelComponent.Fusion,
                () => FusionSpec.Fuse(fusion, [.. shapes.Select(shape => new FeatureSet(zeros([1, .. shape.Sizes], device: Device)))]),
                $"{(shared is null ? "its fusion" : "the fusion that it shares")} cannot take {FusionSpec.Text(shapes)}",
                shared is null ? "Make the fusion fit these shapes." : "Make the fusion fit the features of all tasks, or give this one its own, .Task(..., fusion: ...).");
            if (fused.dim() != 2 || fused.shape[0] != 1)
            {
                throw new MultiInputException(
                    subject,
                    ModelComponent.Fusion,
                    $"{string.Join<FeatureShape>(", ", shapes)} becomes {Shapes.Text(fused.shape)}, which is no vector per sample.",
                    "Let the fusion give (batch, features).");
            }

            features = fused.shape[1];
            macs = probe.Macs;
        }

        if (features > int.MaxValue)
            throw new MultiInputException(subject, ModelComponent.Fusion, $"it gives {features:N0} features.", "Use Fusions.GlobalAverage() or Attention.");
        var head = Own(Create(subject, ModelComponent.Head, task.Head, task.Head.CountWeights((int)features), () => task.Head.Create((int)features)));
        using (var pass = new DummyPass([head]))
        using (var probe = new ForwardProbe(head))
        {
            var output = Run(
                subject,
                ModelComponent.Head,
                () => head.call(zeros([1, features], device: Device)),
                $"its head cannot take (1, {features})",
                "Make the head for the number of features that its factory is given.");
            if (output.dim() < 1 || output.shape[0] != 1)
            {
                throw new MultiInputException(
                    subject, ModelComponent.Head, $"(1, {features}) becomes {Shapes.Text(output.shape)}.", "Let the head keep the batch as its first dimension.");
            }

            return new Route(task.Name, sources, fusion, shared is not null, head, fusionSpec.Title, features, macs + probe.Macs);
        }
    }

    private void GuardNormalizations()
    {
        foreach (var (described, (sharedBase, _, _)) in bases)
            NormalizationGuard.Watch(sharedBase, Subject(described), ModelComponent.Base);
        foreach (var path in Paths)
        {
            NormalizationGuard.Watch(path.Projection, $"input '{path.Name}'", ModelComponent.Projection);
            if (path.Own is not null)
                NormalizationGuard.Watch(path.Own, $"input '{path.Name}'", ModelComponent.Base);
        }

        if (SharedFusion is not null)
            NormalizationGuard.Watch(SharedFusion, "shared fusion", ModelComponent.Fusion);
        foreach (var route in Routes)
        {
            if (!route.SharesFusion)
                NormalizationGuard.Watch(route.Fusion, $"task '{route.Task}'", ModelComponent.Fusion);
            NormalizationGuard.Watch(route.Head, $"task '{route.Task}'", ModelComponent.Head);
        }
    }

    private IEnumerable<string> FindWarnings(ModelDescription description)
    {
        if (Backend.FindWarning() is { } fault)
            yield return fault;
        foreach (var (input, path) in description.Inputs.Zip(Paths))
        {
            nn.Module[] layers = [.. path.Base.modules().Where(module => !module.children().Any())];
            foreach (var warning in input.Projection?.FindWarnings(Target(bases.First(built => built.Value.Base == path.Base).Key), layers) ?? [])
                yield return $"Input '{input.Name}': {warning}";
        }

        foreach (var (described, (sharedBase, _, _)) in bases.Where(built => built.Key.PerInput == PerInput.Nothing && built.Value.Base.modules().OfType<BatchNorm>().Any()))
        {
            var apart = Groups.Where(inputs => inputs.Base == sharedBase).ToArray();
            if (apart.Length < 2)
                continue;
            yield return $"{Subject(described)}: its batch normalisation is shared by inputs that go through it in batches of their own, {string.Join(" and ", apart.Select(inputs => Shapes.Names(inputs.Paths.Select(path => path.Name))))}, "
                + "since their maps differ in size or they have adapters: each is trained with its own statistics and evaluated with a mixture of all. Give each its own, perInput: PerInput.Normalization, or use another normalisation.";
        }
    }

    /// <summary>A base as projections know it.</summary>
    private ProjectionTarget Target(BaseDescription described)
    {
        var (sharedBase, _, stems) = bases[described];
        return new(sharedBase.Channels, sharedBase.FirstConvolution, described.Spec.FirstWeightsPerChannel, stems);
    }

    private TModule Own<TModule>(TModule module)
        where TModule : nn.Module
    {
        modules.Add(module);
        ChannelsLast.Prepare(module);
        module.to(Device);
        return Keep(module);
    }

    // A model outlives the scope in which it is built.
    private static TModule Keep<TModule>(TModule module)
        where TModule : nn.Module
    {
        foreach (var tensor in module.parameters().Concat(module.buffers()))
            tensor.DetachFromDisposeScope();
        return module;
    }

    private T Create<T>(string subject, ModelComponent component, object spec, Int128 weights, Func<T> create)
        where T : nn.Module
    {
        weightsLeft -= weights;
        if (weightsLeft < 0)
        {
            throw new MultiInputException(
                subject, component, $"with its {weights:N0} weights the model has more than {largestModel:N0}.", "Make its sizes smaller.");
        }

        // Initialising a weight leaves further handles to its memory. A user's module may hold tensors that it does not register.
        using var scope = spec is ICustomSpec ? null : NewDisposeScope();
        return Try(subject, component, () => Keep(create()), "it cannot be made", "Fix the module's constructor or its factory.");
    }

    private static Tensor Run(string subject, ModelComponent component, Func<Tensor> run, string problem, string cure) =>
        Try(subject, component, run, problem, cure);

    private static T Try<T>(string subject, ModelComponent component, Func<T> action, string problem, string cure)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is not MultiInputException)
        {
            throw new MultiInputException(subject, component, $"{problem}: {e.Message.Split('\n')[0].TrimEnd('.')}.", cure, e);
        }
    }

    private static string Subject(BaseDescription described) => described.Inputs is null ? "base" : $"base of {Shapes.Names(described.Inputs)}";

    /// <summary>A base, what each of its inputs has of its own in it, and what their stems share.</summary>
    public sealed record BuiltBase(SharedBase Base, InputLayers? PerInput, StemBank Stems);
}
