using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a user-defined base. Created with <see cref="Bases.From(string, int, Func{nn.Module{Tensor, Tensor}})"/>.</summary>
/// <param name="Name">Its name in the description's JSON, by which it is found again.</param>
/// <param name="Channels">The number of channels that the module takes.</param>
internal sealed record CustomBaseSpec(string Name, int Channels) : BaseSpec(Channels), ICustomSpec
{
    /// <summary>Creates the module; absent after reading JSON until it is provided again.</summary>
    [JsonIgnore]
    public Func<nn.Module<Tensor, Tensor>>? Factory { get; init; }

    [JsonIgnore]
    Delegate? ICustomSpec.Factory => Factory;

    internal override SharedBase Create() => SharedBase.Wrap(Factory!(), Channels);
}
