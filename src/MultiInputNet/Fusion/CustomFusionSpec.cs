using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a user-defined fusion. Created with <see cref="Fusions"/>.</summary>
/// <param name="Name">Its name in the description's JSON, by which it is found again.</param>
internal sealed record CustomFusionSpec(string Name) : FusionSpec, ICustomSpec
{
    /// <summary>
    /// Creates the module, as passed to <see cref="Fusions.From"/>, <see cref="Fusions.FromSeveral"/> or
    /// <see cref="Fusions.FromFeatures"/>; absent after reading JSON until it is provided again.
    /// </summary>
    [JsonIgnore]
    public Delegate? Factory { get; init; }

    internal override string Title => Name;

    internal override bool TakesSeveral => Factory is not Func<MapShape, nn.Module<Tensor, Tensor>>;

    /// <summary>Whether a function is one that makes fusions.</summary>
    internal static bool IsFactory(Delegate factory) => factory is Func<MapShape, nn.Module<Tensor, Tensor>>
        or Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>>
        or Func<IReadOnlyList<FeatureShape>, nn.Module<IReadOnlyList<FeatureSet>, Tensor>>;

    internal override nn.Module Create(IReadOnlyList<FeatureShape> shapes) => Factory switch
    {
        Func<MapShape, nn.Module<Tensor, Tensor>> one => new OneMap(one((MapShape)shapes[0])),
        Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>> several => several([.. shapes.Cast<MapShape>()]),
        var features => ((Func<IReadOnlyList<FeatureShape>, nn.Module<IReadOnlyList<FeatureSet>, Tensor>>)features!)(shapes),
    };

    internal override (string Problem, string Cure)? FindMistake(IReadOnlyList<FeatureShape> shapes) =>
        shapes.Count > 1 && !TakesSeveral
            ? ($"{Name} takes one input, but the task has {shapes.Count}.", "Describe it with Fusions.FromSeveral or Fusions.FromFeatures.")
        : Factory is not Func<IReadOnlyList<FeatureShape>, nn.Module<IReadOnlyList<FeatureSet>, Tensor>> && shapes.FirstOrDefault(shape => shape is not MapShape) is { } tokens
            ? ($"{Name} takes maps, but the base gives {tokens}.", "Describe it with Fusions.FromFeatures, or use a base that gives maps.")
        : null;
}
