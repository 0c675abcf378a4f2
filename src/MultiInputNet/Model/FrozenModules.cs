using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The frozen modules of a model: their parameters have no gradient, and they are in evaluation mode, so that normalisations keep their
/// statistics and dropout drops nothing.
/// </summary>
internal sealed class FrozenModules
{
    private readonly Lock changing = new();

    // Parameters that the author of their module had already frozen are not among them and stay frozen. They are stored by name: a module
    // that is moved or converted gets new ones.
    private readonly HashSet<(nn.Module Module, string Name)> parameters = [];

    // Replaced, never changed, since predictions read it in other threads.
    private volatile HashSet<nn.Module> modules = new(ReferenceEqualityComparer.Instance);

    public bool Any => modules.Count > 0;

    public bool Contains(nn.Module module) => modules.Contains(module);

    /// <summary>The modules, for freezing them again later.</summary>
    public IReadOnlyCollection<nn.Module> Save() => modules;

    public void Freeze(IReadOnlyCollection<nn.Module> added)
    {
        lock (changing)
        {
            modules = new([.. modules, .. added], ReferenceEqualityComparer.Instance);
            foreach (var module in added)
            {
                foreach (var (name, parameter) in module.named_parameters(recurse: false).Where(pair => pair.parameter.requires_grad))
                {
                    parameter.requires_grad = false;
                    parameter.grad = null;
                    parameters.Add((module, name));
                }
            }
        }
    }

    public void Unfreeze(IReadOnlyCollection<nn.Module> removed)
    {
        lock (changing)
        {
            modules = new(modules.Except(removed, ReferenceEqualityComparer.Instance).Cast<nn.Module>(), ReferenceEqualityComparer.Instance);
            foreach (var module in removed)
            {
                foreach (var (_, parameter) in module.named_parameters(recurse: false).Where(pair => parameters.Remove((module, pair.name))))
                    parameter.requires_grad = true;
            }
        }
    }

    /// <summary>
    /// Sets every module to its mode: evaluation if it is frozen. Those that already have it are left alone, so that a thread that predicts
    /// in evaluation mode never sees one in another mode.
    /// </summary>
    public void SetModes(nn.Module root, bool training)
    {
        lock (changing)
        {
            // Setting a mode reaches all children, so parents come first.
            foreach (var module in root.modules())
            {
                var mode = training && !modules.Contains(module);
                if (module.training != mode)
                    module.train(mode);
            }
        }
    }

    /// <summary>Whether a call of <c>train</c> on a part of the model has reached a frozen module.</summary>
    public bool AnyTrains() => modules.Any(module => module.training);
}
