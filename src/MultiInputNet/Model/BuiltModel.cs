using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What a model consists of.</summary>
/// <param name="Module">The model as a module: everything below is in it.</param>
/// <param name="Description">What it was built from.</param>
/// <param name="Paths">The path of each input to the output of its base.</param>
/// <param name="Groups">Which inputs may share a batch in a base.</param>
/// <param name="Routes">The route of each task.</param>
internal sealed record BuiltModel(
    nn.Module Module, ModelDescription Description, IReadOnlyList<InputPath> Paths, IReadOnlyList<BaseGroup> Groups, IReadOnlyList<Route> Routes);
