using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>How the weights of a first convolution are adapted to another number of channels.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StemMethod>))]
public enum StemMethod
{
    /// <summary>The channels repeated cyclically, scaled by old over new channels, which preserves the expected result.</summary>
    Repeat,

    /// <summary>
    /// Each new channel is the mean of the old ones, scaled by old over new channels: a gray image gives the same result.
    /// </summary>
    Mean,

    /// <summary>The first channels unchanged; zeros for the others, which have no effect until they are trained.</summary>
    PadZeros,

    /// <summary>The first channels unchanged; random values with the same mean and deviation for the others.</summary>
    PadRandom,
}
