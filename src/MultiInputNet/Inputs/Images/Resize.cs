using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>How an image of another size is fitted to the declared height and width.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Resize>))]
public enum Resize
{
    /// <summary>The whole image, stretched if its aspect ratio differs.</summary>
    Stretch,

    /// <summary>The shorter side is fitted, and the excess of the longer side is cropped at both ends.</summary>
    CentreCrop,

    /// <summary>The longer side is fitted, and the shorter side is padded with zeros at both ends.</summary>
    Pad,
}
