using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>
/// Small 1×1 convolutions that each input has of its own at the convolutions of a base, larger than 1×1. They begin with
/// zeros, which leaves the base's maps as they are. A base that others trained, frozen, learns a new input through them. Where a
/// stem (<see cref="Projections.AdaptedStem"/>) stands for a convolution, its input has no adapter there.
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<Adapters>))]
public enum Adapters
{
    /// <summary>None.</summary>
    None,

    /// <summary>Beside each convolution, <c>y = conv(x) + adapter(x)</c> (Rebuffi, Bilen and Vedaldi, 2018).</summary>
    Parallel,

    /// <summary>Behind each convolution, <c>y = conv(x) + adapter(conv(x))</c> (Rebuffi, Bilen and Vedaldi, 2017).</summary>
    Series,
}
