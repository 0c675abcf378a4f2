using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One of the consecutive parts of a base.</summary>
/// <param name="name">Its name, unique in its base.</param>
/// <param name="modules">The modules that hold its parameters and statistics.</param>
/// <param name="run">Its computation, from the features before it to those after it.</param>
public sealed class BaseStage(string name, IReadOnlyList<nn.Module> modules, Func<FeatureSet, FeatureSet> run)
{
    /// <summary>Creates a stage that needs only the values.</summary>
    /// <param name="name">Its name, unique in its base.</param>
    /// <param name="modules">The modules that hold its parameters and statistics.</param>
    /// <param name="run">Its computation, from the map or tokens before it to those after it.</param>
    public BaseStage(string name, IReadOnlyList<nn.Module> modules, Func<Tensor, Tensor> run)
        : this(name, modules, features => new FeatureSet(run(features.Values))) => ArgumentNullException.ThrowIfNull(run);

    /// <summary>Its name, unique in its base.</summary>
    public string Name { get; } = name;

    /// <summary>
    /// The modules that hold its parameters and statistics. Whatever of a base is in none of them goes with the first stage.
    /// </summary>
    public IReadOnlyList<nn.Module> Modules { get; } = modules;

    /// <summary>Its computation, from the features before it to those after it.</summary>
    public Func<FeatureSet, FeatureSet> Run { get; } = run;

    /// <summary>Its name.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => Name;
}
