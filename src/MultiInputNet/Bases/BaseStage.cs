using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>One of the consecutive parts of a base.</summary>
/// <param name="Name">Its name, unique in its base.</param>
/// <param name="Modules">
/// The modules that hold its parameters and statistics. Whatever of a base is in none of them goes with the first stage.
/// </param>
/// <param name="Run">Its computation, from the features before it to those after it.</param>
public sealed record BaseStage(string Name, IReadOnlyList<nn.Module> Modules, Func<FeatureSet, FeatureSet> Run)
{
    /// <summary>Creates a stage that needs only the values.</summary>
    /// <param name="name">Its name, unique in its base.</param>
    /// <param name="modules">The modules that hold its parameters and statistics.</param>
    /// <param name="run">Its computation, from the map or tokens before it to those after it.</param>
    public BaseStage(string name, IReadOnlyList<nn.Module> modules, Func<Tensor, Tensor> run)
        : this(name, modules, features => new FeatureSet(run(features.Values))) => ArgumentNullException.ThrowIfNull(run);

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
