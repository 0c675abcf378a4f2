using static TorchSharp.torch;

namespace MultiInputNet;

public sealed partial class MultiInputModel
{
    private readonly FrozenModules frozen = new();

    /// <summary>
    /// Freezes parts: their parameters have no gradient and do not change, and they stay in evaluation mode whether or not <c>train()</c>
    /// is called, so that their normalisations keep their statistics.
    /// </summary>
    /// <remarks>
    /// Other threads may predict in the meantime if the model is in evaluation mode: their results do not change. Changing the mode itself,
    /// with <c>train()</c> or <c>eval()</c>, changes them.
    /// </remarks>
    /// <param name="parts">The parts, from <see cref="Parts"/>.</param>
    /// <exception cref="MultiInputException">The model has no such part.</exception>
    public void Freeze(params IReadOnlyList<ModelPart> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        frozen.Freeze(Find(parts));
        frozen.SetModes(this, training);
    }

    /// <summary>Freezes the whole model except some parts, which are trained and therefore unfrozen.</summary>
    /// <param name="parts">The parts to train, from <see cref="Parts"/>.</param>
    /// <exception cref="ArgumentException">No part is named.</exception>
    /// <exception cref="MultiInputException">The model has no such part; nothing is changed.</exception>
    public void FreezeAllBut(params IReadOnlyList<ModelPart> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0)
            throw new ArgumentException("No part is named; to freeze everything, call Freeze(Parts.All).", nameof(parts));
        var trained = Find(parts);
        frozen.Freeze([.. Parts.All.Find(Built)]);
        frozen.Unfreeze(trained);
        frozen.SetModes(this, training);
    }

    /// <summary>Makes parts trainable again.</summary>
    /// <param name="parts">The parts, from <see cref="Parts"/>.</param>
    /// <exception cref="MultiInputException">The model has no such part.</exception>
    public void Unfreeze(params IReadOnlyList<ModelPart> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        frozen.Unfreeze(Find(parts));
        frozen.SetModes(this, training);
    }

    /// <summary>Whether every parameter of a part is frozen.</summary>
    /// <param name="part">The part, from <see cref="Parts"/>.</param>
    /// <returns>True if nothing in the part can be trained.</returns>
    /// <exception cref="MultiInputException">The model has no such part.</exception>
    public bool IsFrozen(ModelPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        return part.Find(Built).All(frozen.Contains);
    }

    /// <inheritdoc/>
    public override void train(bool train = true)
    {
        base.train(train);
        if (frozen.Any)
            frozen.SetModes(this, train);
    }

    /// <summary>What is frozen now, for <see cref="RestoreFreezing"/>.</summary>
    internal IReadOnlyCollection<nn.Module> SaveFreezing() => frozen.Save();

    /// <summary>Freezes exactly the given modules.</summary>
    internal void RestoreFreezing(IReadOnlyCollection<nn.Module> modules)
    {
        frozen.Unfreeze([.. frozen.Save().Except(modules)]);
        frozen.Freeze(modules);
        frozen.SetModes(this, training);
    }

    /// <summary>Whether an input's path through its projection and base is frozen: the same sample gives the same map.</summary>
    internal bool HasFrozenMap(string input)
    {
        var path = paths[input];
        return path.ProjectionModules.All(IsFrozenWhole) && IsFrozenWhole(path.Base) && (path.Own is null || IsFrozenWhole(path.Own));
    }

    /// <summary>
    /// Whether a task's fusion gives the same vector for the same maps: it is frozen, or has nothing to learn and draws nothing at random.
    /// </summary>
    internal bool HasFrozenFusion(string task)
    {
        var fusion = FindRoute(task).Fusion;
        return IsFrozenWhole(fusion) || !(fusion.parameters().Any() || fusion.buffers().Any() || RandomModules.DrawInTraining(fusion));
    }

    private nn.Module[] Find(IReadOnlyList<ModelPart> parts) => !parts.Contains(null!)
        ? [.. parts.SelectMany(part => part.Find(Built))]
        : throw new ArgumentException("One of the parts is null.", nameof(parts));

    private bool IsFrozenWhole(nn.Module module) => module.modules().Prepend(module).All(frozen.Contains);
}
