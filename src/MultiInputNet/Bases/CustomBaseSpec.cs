using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a base made from a module of the user's own. Made with <see cref="Bases.From(string, int, Func{nn.Module{Tensor, Tensor}})"/>.</summary>
/// <param name="Name">The name it has in the description's JSON, by which it is found again.</param>
/// <param name="Channels">Channels of the maps that the module takes.</param>
internal sealed record CustomBaseSpec(string Name, int Channels) : BaseSpec(Channels), ICustomSpec
{
    /// <summary>Makes the module; absent after reading JSON until it is given again.</summary>
    [JsonIgnore]
    public Func<nn.Module<Tensor, Tensor>>? Factory { get; init; }

    [JsonIgnore]
    Delegate? ICustomSpec.Factory => Factory;

    internal override SharedBase Create() => SharedBase.Wrap(Factory!(), Channels);
}
