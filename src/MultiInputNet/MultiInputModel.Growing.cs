using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <content>Makes new models from a trained one.</content>
public sealed partial class MultiInputModel
{
    /// <summary>
    /// A new model with this one's weights plus new inputs, tasks, and layers per input in the bases. In evaluation mode the new model
    /// gives bit-identical results for everything that this one computes; the added parts are new, except that an input's own normalisation
    /// starts equal to the shared one.
    /// </summary>
    /// <remarks>
    /// The weights are copied: this model is unchanged, and remains the caller's to dispose. The new one is on the same device and in the
    /// same mode, and nothing in it is frozen. The results of the old tasks are preserved while only new parts are trained. Inputs with
    /// their own layers go through the base one at a time instead of merged, which may round differently, and so may libtorch's
    /// convolutions once their weights are frozen.
    /// </remarks>
    /// <param name="add">Adds inputs and tasks, and bases that name new inputs; nothing when null.</param>
    /// <param name="perInput">Which normalisation parts each input has for itself in every base of this model; unchanged when null.</param>
    /// <param name="adapters">The adapters of each input in every base of this model; unchanged when null.</param>
    /// <param name="seed">
    /// The seed of the added weights, as in <see cref="MultiInputModelBuilder.Build"/>; torch's random state when null.
    /// </param>
    /// <returns>The new model.</returns>
    /// <exception cref="MultiInputException">
    /// The added description has a mistake, or would change what the model already has; or a user-defined module differs from the one with
    /// which the model was built.
    /// </exception>
    public MultiInputModel Grow(Action<MultiInputModelBuilder>? add = null, PerInput? perInput = null, Adapters? adapters = null, long? seed = null)
    {
        var builder = Define();
        add?.Invoke(builder);
        var added = builder.Describe();
        if (added.Fusion is not null)
        {
            throw new MultiInputException(
                "added parts", ModelComponent.Fusion, "the model already has a fusion, with which its tasks were trained.", "Give another one to a new task: .Task(..., fusion: ...).");
        }

        if (added.Bases.SelectMany(described => described.Inputs ?? []).FirstOrDefault(paths.ContainsKey) is { } old)
        {
            throw new MultiInputException(
                $"input '{old}'", ModelComponent.Base, "the model already has it, with a trained base, but an added base names it.", "Name new inputs only.");
        }

        return Rebuild(new(
            [.. Description.Inputs, .. added.Inputs],
            [.. Description.Bases.Select(described => Convert(described, perInput, adapters)), .. added.Bases],
            [.. Description.Tasks, .. added.Tasks],
            Description.Fusion,
            Description.SharesFusion), seed);
    }

    /// <summary>
    /// A new model in which a classification task has other classes: the output weights of a class that stays, matched by name, are kept,
    /// those of a new class are new, and everything else is this model's, including hidden layers.
    /// </summary>
    /// <remarks>The weights are copied, as by <see cref="Grow"/>.</remarks>
    /// <param name="task">The task.</param>
    /// <param name="classNames">The names of all classes of the new model, from class 0.</param>
    /// <param name="oldClassNames">The names of this model's classes, if its description has none; otherwise null.</param>
    /// <param name="seed">
    /// The seed of the weights of new classes, as in <see cref="MultiInputModelBuilder.Build"/>; torch's random state when null.
    /// </param>
    /// <returns>The new model.</returns>
    /// <exception cref="MultiInputException">There is no such task, it is not a classification, or the names are wrong.</exception>
    public MultiInputModel ReplaceClasses(string task, IReadOnlyList<string> classNames, IReadOnlyList<string>? oldClassNames = null, long? seed = null)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(classNames);
        var route = FindRoute(task);
        var subject = $"task '{route.Task}'";
        var spec = Description.Task(route.Task).Head;
        if (spec.ClassCount is not { } count)
        {
            throw new MultiInputException(
                subject, ModelComponent.Head, $"its head is a {route.Head.GetType().Name}, which has no classes.", "Name a task of Heads.Classification.");
        }

        var old = spec.NamesOfClasses ?? oldClassNames ?? throw new MultiInputException(
            subject, ModelComponent.Head, "its classes have no names, so they cannot be matched.", $"Give their {count} names as oldClassNames.");
        if (old.Count != count)
        {
            throw new MultiInputException(
                subject, ModelComponent.Head, $"it has {count} classes, but {old.Count} old names are given.", "Give one per class.");
        }

        if (old.CountBy(name => name).Concat(classNames.CountBy(name => name)).FirstOrDefault(name => name.Value > 1).Key is { } twice)
            throw new MultiInputException(subject, ModelComponent.Head, $"several of its classes are called '{twice}'.", "Give each a different name.");

        var tasks = Description.Tasks.Select(described => described.Name != route.Task ? described : new()
        {
            Name = described.Name,
            Head = spec.WithClasses(classNames),
            From = described.From,
            Fusion = described.Fusion,
        });
        var model = Rebuild(new(Description.Inputs, Description.Bases, [.. tasks], Description.Fusion, Description.SharesFusion), seed, changedHead: route.Task);
        var rows = old.Index().ToDictionary(o => o.Item, o => o.Index);
        model.Head<TaskHead>(route.Task).TakeOver((TaskHead)route.Head, [.. classNames.Select(name => rows.GetValueOrDefault(name, -1))]);
        return model;
    }

    /// <summary>A new model without a task, and without the inputs that no other task reads.</summary>
    /// <remarks>The weights are copied, as by <see cref="Grow"/>.</remarks>
    /// <param name="task">The task.</param>
    /// <returns>The new model.</returns>
    /// <exception cref="MultiInputException">There is no such task, or it is the only one.</exception>
    public MultiInputModel RemoveTask(string task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var removed = FindRoute(task);
        var kept = Description.Tasks.Where(described => described.Name != removed.Task).ToArray();
        var read = kept.SelectMany(DescriptionChecks.Sources).ToHashSet();
        bool Stays(string input) => read.Contains(input) || !removed.Inputs.Contains(input);
        var inputs = Description.Inputs.Where(input => Stays(input.Name)).ToArray();
        var bases = Description.Bases
            .Where(described => inputs.Any(input => IsServedBy(described, input.Name)))
            .Select(described => described.Inputs is null ? described : described.With(inputs: [.. described.Inputs.Where(Stays)]));

        // Whatever is drawn at random is overwritten with this model's weights.
        return Rebuild(new(inputs, [.. bases], kept, Description.Fusion, Description.SharesFusion), seed: 0);
    }

    private bool IsServedBy(BaseDescription described, string input) =>
        described.Inputs?.Contains(input) ?? !Description.Bases.Any(other => other.Inputs?.Contains(input) == true);

    private static BaseDescription Convert(BaseDescription described, PerInput? perInput, Adapters? adapters)
    {
        var converted = described.With(perInput: perInput, adapters: adapters);
        if (converted.PerInput < described.PerInput || (described.Adapters != Adapters.None && converted.Adapters != described.Adapters))
        {
            throw new MultiInputException(
                "base",
                ModelComponent.Base,
                $"its inputs have their own trained layers (perInput {described.PerInput}, adapters {described.Adapters}), and perInput {converted.PerInput}, adapters {converted.Adapters} would lose some.",
                "Omit the argument.");
        }

        return converted;
    }

    /// <summary>Builds a model and copies the weights that both have.</summary>
    private MultiInputModel Rebuild(ModelDescription description, long? seed, string? changedHead = null)
    {
        using var drawing = GlobalRandom.Alone(seed, Device);
        var model = new MultiInputModel(description, Device) { MergesInputs = MergesInputs };
        try
        {
            using var scope = NewDisposeScope();
            if (parameters().FirstOrDefault() is { dtype: not ScalarType.Float32 } converted)
                model.to(converted.dtype);
            using var noGrad = no_grad();
            var copied = new HashSet<nn.Module>(ReferenceEqualityComparer.Instance);
            var sharedStems = new List<(StemSlice From, StemSlice To)>();
            foreach (var (name, path) in paths)
            {
                if (!model.paths.TryGetValue(name, out var target))
                    continue;
                Copy($"input '{name}'", ModelComponent.Projection, path.Projection, target.Projection);
                if (path.Stem is { } stem)
                    sharedStems.AddRange(stem.Slices.Zip(target.Stem!.Slices));
                if (copied.Add(target.Base))
                    Copy("base", ModelComponent.Base, path.Base, target.Base);
            }

            // The stems of new inputs start from what the base has learned; what they share with old ones has itself been trained.
            foreach (var (_, target) in model.paths.Where(path => !paths.ContainsKey(path.Key)))
                target.Stem?.Adapt(target.Base.FirstConvolution!);
            foreach (var (from, to) in sharedStems)
                Copy("shared stem", ModelComponent.Projection, from, to);

            foreach (var (name, target) in model.paths)
            {
                target.Own?.StartAsShared();
                if (target.Own is not null && paths.TryGetValue(name, out var path) && path.Own is not null)
                    Copy($"input '{name}'", ModelComponent.Base, path.Own, target.Own);
            }

            foreach (var (task, route) in routes)
            {
                if (!model.routes.TryGetValue(task, out var target))
                    continue;
                if (copied.Add(target.Fusion))
                    Copy($"task '{task}'", ModelComponent.Fusion, route.Fusion, target.Fusion);
                if (task != changedHead)
                    Copy($"task '{task}'", ModelComponent.Head, route.Head, target.Head);
            }

            model.train(training);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static void Copy(string subject, ModelComponent component, nn.Module from, nn.Module to)
    {
        var targets = to.state_dict();
        foreach (var (name, value) in from.state_dict())
        {
            if (!targets.TryGetValue(name, out var target) || !target.shape.SequenceEqual(value.shape))
            {
                throw new MultiInputException(
                    subject,
                    component,
                    $"its weight '{name}' of shape {Shapes.Text(value.shape)} {(target is null ? "is missing" : $"is of shape {Shapes.Text(target.shape)}")} in a new module.",
                    "Make sure that the factory of your module creates the same module each time.");
            }

            target.copy_(value);
        }
    }
}
