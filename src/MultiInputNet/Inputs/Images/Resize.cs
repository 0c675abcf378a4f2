using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>How an image of another size becomes one of the declared height and width.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Resize>))]
public enum Resize
{
    /// <summary>The whole image, stretched where its sides are in another proportion.</summary>
    Stretch,

    /// <summary>The shorter side is fitted, and what the longer side has too much is cut off at both ends.</summary>
    CentreCrop,

    /// <summary>The longer side is fitted, and what is missing along the shorter side is filled with zeros at both ends.</summary>
    Pad,
}
