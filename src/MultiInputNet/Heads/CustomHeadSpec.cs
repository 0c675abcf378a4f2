using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes a user-defined head. Created with <see cref="Heads.From"/>.</summary>
/// <param name="Name">Its name in the description's JSON, by which it is found again.</param>
internal sealed record CustomHeadSpec(string Name) : HeadSpec, ICustomSpec
{
    /// <summary>Creates the module for a number of features; absent after reading JSON until it is provided again.</summary>
    [JsonIgnore]
    public Func<int, nn.Module<Tensor, Tensor>>? Factory { get; init; }

    [JsonIgnore]
    Delegate? ICustomSpec.Factory => Factory;

    internal override string Title => Name;

    internal override nn.Module<Tensor, Tensor> Create(int features) => Factory!(features);

    internal override (string Problem, string Cure)? FindMistake() => null;
}
