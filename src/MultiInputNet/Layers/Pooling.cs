using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>How a stage of a convolutional base halves its map.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Pooling>))]
public enum Pooling
{
    /// <summary>The maximum of each 2×2 cell. An odd last row or column forms cells of its own, so that maps down to 1×1 work.</summary>
    Max,

    /// <summary>The mean of each 2×2 cell, with odd edges as in <see cref="Max"/>.</summary>
    Average,

    /// <summary>None: the map keeps its size.</summary>
    None,
}
