using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>What a vision transformer gives as its map.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TransformerOutput>))]
public enum TransformerOutput
{
    /// <summary>The tokens of the patches, each where its patch is; the class token is left out.</summary>
    Patches,

    /// <summary>The class token alone as a map of 1×1: what the published classifiers read.</summary>
    ClassToken,
}
