using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>The output of a vision transformer.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TransformerOutput>))]
public enum TransformerOutput
{
    /// <summary>The tokens of the patches as a map, each at the position of its patch, without the class token.</summary>
    Patches,

    /// <summary>The class token alone as a map of 1×1: what the published classifiers read.</summary>
    ClassToken,

    /// <summary>All tokens as a sequence: the class token first, then those of the patches row by row, as in timm.</summary>
    Tokens,
}
