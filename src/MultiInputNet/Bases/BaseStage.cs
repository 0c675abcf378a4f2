using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A part of a base that features pass through one after the other.</summary>
/// <param name="Name">Its name, unique in its base.</param>
/// <param name="Modules">The modules that hold its parameters and statistics. What is in none of a base goes with the first stage.</param>
/// <param name="Run">What it does: the features before it in, those after it out.</param>
public sealed record BaseStage(string Name, IReadOnlyList<nn.Module> Modules, Func<FeatureSet, FeatureSet> Run)
{
    /// <summary>Creates a stage that needs the values alone.</summary>
    /// <param name="name">Its name, unique in its base.</param>
    /// <param name="modules">The modules that hold its parameters and statistics.</param>
    /// <param name="run">What it does: the map or tokens before it in, those after it out.</param>
    public BaseStage(string name, IReadOnlyList<nn.Module> modules, Func<Tensor, Tensor> run)
        : this(name, modules, features => new FeatureSet(run(features.Values))) => ArgumentNullException.ThrowIfNull(run);

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
