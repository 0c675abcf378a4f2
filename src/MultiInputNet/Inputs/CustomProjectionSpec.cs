using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a projection of the user's own. Made with <see cref="Projections.From"/>.</summary>
/// <param name="Name">The name it has in the description's JSON, by which it is found again.</param>
public sealed record CustomProjectionSpec(string Name) : ProjectionSpec, ICustomSpec
{
    /// <summary>Makes the module for an input and the base's channels; absent after reading JSON until it is given again.</summary>
    [JsonIgnore]
    public Func<InputSpec, int, nn.Module<Tensor, Tensor>>? Factory { get; init; }

    [JsonIgnore]
    Delegate? ICustomSpec.Factory => Factory;

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target) => Factory!(input, target.Channels);
}
