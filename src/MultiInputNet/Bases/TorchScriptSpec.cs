using System.Security.Cryptography;
using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>Describes a base made from a TorchScript module. Created with <see cref="Bases.TorchScript"/>.</summary>
/// <remarks>
/// The module is saved with the model. The description's JSON has only the SHA-256 of its file. An image with as many channels as the base
/// takes goes in unchanged, without a projection.
/// </remarks>
/// <param name="Channels">The number of channels that the module takes.</param>
/// <param name="Sha256">The SHA-256 of its file, in hexadecimal digits.</param>
internal sealed record TorchScriptSpec(int Channels, string Sha256) : BaseSpec(Channels)
{
    /// <summary>The last part of the key of the module in a model's file.</summary>
    internal const string ArchiveKey = KeptBuffers.FileKey;

    [JsonIgnore]
    internal byte[]? Archive { get; private init; }

    internal override SharedBase Create() => new TorchScriptBase(Archive!, Channels);

    internal override ProjectionSpec DefaultProjection(InputSpec input) =>
        input.MapChannels == Channels ? Projections.Identity() : base.DefaultProjection(input);

    internal override (string Problem, string Cure)? FindMistake() => base.FindMistake() ?? (Archive is null
        ? ("it is a TorchScript module, of which the description has only the SHA-256.", "Load the model from its file, or describe the base with Bases.TorchScript.")
        : null);

    /// <summary>Describes the module of these bytes.</summary>
    internal static TorchScriptSpec Of(byte[] archive, int channels) => new(channels, Convert.ToHexStringLower(SHA256.HashData(archive))) { Archive = archive };

    /// <summary>The same with its module; null if the bytes are of another.</summary>
    internal TorchScriptSpec? With(byte[] bytes) => Of(bytes, Channels) is var read && read.Sha256 == Sha256 ? read : null;

    /// <inheritdoc/>
    public bool Equals(TorchScriptSpec? other) => other is not null && (Channels, Sha256) == (other.Channels, other.Sha256);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Channels, Sha256);
}
