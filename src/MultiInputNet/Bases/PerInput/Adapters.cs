using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>
/// Small 1×1 convolutions that each input has for itself at those convolutions of a base that are larger than 1×1. They start at zero,
/// which leaves the base's maps unchanged. With them, a pretrained base that is frozen can learn a new input. Where a stem
/// (<see cref="Projections.AdaptedStem"/>) replaces a convolution, its input has no adapter.
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<Adapters>))]
public enum Adapters
{
    /// <summary>None.</summary>
    None,

    /// <summary>Beside each convolution, <c>y = conv(x) + adapter(x)</c> (Rebuffi, Bilen and Vedaldi, 2018).</summary>
    Parallel,

    /// <summary>After each convolution, <c>y = conv(x) + adapter(conv(x))</c> (Rebuffi, Bilen and Vedaldi, 2017).</summary>
    Series,
}
