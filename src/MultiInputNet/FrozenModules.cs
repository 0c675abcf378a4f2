using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The frozen modules of a model: their parameters have no gradient, and they are in evaluation mode, so that normalisations
/// keep their statistics and dropout leaves nothing out.
/// </summary>
internal sealed class FrozenModules
{
    private readonly HashSet<nn.Module> modules = new(ReferenceEqualityComparer.Instance);

    // Parameters that their module's author had frozen already are not among them and stay as they are. They go by name: a module
    // that is moved or converted gets new ones.
    private readonly HashSet<(nn.Module Module, string Name)> parameters = [];

    public bool Any => modules.Count > 0;

    public bool Contains(nn.Module module) => modules.Contains(module);

    /// <summary>The modules, to be frozen again later.</summary>
    public IReadOnlyCollection<nn.Module> Save() => [.. modules];

    public void Freeze(IEnumerable<nn.Module> added)
    {
        foreach (var module in added)
        {
            modules.Add(module);
            foreach (var (name, parameter) in module.named_parameters(recurse: false).Where(pair => pair.parameter.requires_grad))
            {
                parameter.requires_grad = false;
                parameter.grad = null;
                parameters.Add((module, name));
            }
        }
    }

    public void Unfreeze(IEnumerable<nn.Module> removed)
    {
        foreach (var module in removed)
        {
            modules.Remove(module);
            foreach (var (_, parameter) in module.named_parameters(recurse: false).Where(pair => parameters.Remove((module, pair.name))))
                parameter.requires_grad = true;
        }
    }

    /// <summary>Sets every module to its mode: evaluation where it is frozen.</summary>
    public void SetModes(nn.Module root, bool training)
    {
        // A mode that is set reaches all children, so parents come first.
        foreach (var module in root.modules())
            module.train(training && !modules.Contains(module));
    }

    /// <summary>Whether a call of <c>train</c> on a part of the model has reached a frozen module.</summary>
    public bool AnyTrains() => modules.Any(module => module.training);
}
