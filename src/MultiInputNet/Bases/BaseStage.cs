using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A part of a base that maps pass through one after the other.</summary>
/// <param name="Name">Its name, unique in its base.</param>
/// <param name="Modules">The modules that hold its parameters and statistics. What is in none of a base goes with the first stage.</param>
/// <param name="Run">What it does: the map before it in, the map behind it out.</param>
public sealed record BaseStage(string Name, IReadOnlyList<nn.Module> Modules, Func<Tensor, Tensor> Run)
{
    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
