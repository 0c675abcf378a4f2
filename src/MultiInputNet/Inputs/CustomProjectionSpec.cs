using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a user-defined projection. Created with <see cref="Projections.From"/>.</summary>
/// <param name="Name">Its name in the description's JSON, by which it is found again.</param>
internal sealed record CustomProjectionSpec(string Name) : ProjectionSpec, ICustomSpec
{
    /// <summary>Creates the module for an input and the base's channels; absent after reading JSON until it is provided again.</summary>
    [JsonIgnore]
    public Func<InputSpec, int, nn.Module<Tensor, Tensor>>? Factory { get; init; }

    [JsonIgnore]
    Delegate? ICustomSpec.Factory => Factory;

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target) => Factory!(input, target.Channels);
}
