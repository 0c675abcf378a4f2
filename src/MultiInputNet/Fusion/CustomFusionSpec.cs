using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a fusion of the user's own. Made with <see cref="Fusions"/>.</summary>
/// <param name="Name">The name it has in the description's JSON, by which it is found again.</param>
public sealed record CustomFusionSpec(string Name) : FusionSpec, ICustomSpec
{
    /// <summary>Makes the module for the maps of a task's inputs; absent after reading JSON until it is given again.</summary>
    [JsonIgnore]
    public Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>>? Factory { get; init; }

    [JsonIgnore]
    Delegate? ICustomSpec.Factory => Factory;

    internal override string Title => Name;

    internal override bool TakesSeveral => true;

    internal override nn.Module<IReadOnlyList<Tensor>, Tensor> Create(IReadOnlyList<MapShape> maps) => Factory!(maps);
}
