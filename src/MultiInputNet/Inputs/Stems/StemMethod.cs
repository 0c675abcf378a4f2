using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>How the weights of a first convolution are made to fit another number of channels. See <see cref="StemAdapter"/>.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StemMethod>))]
public enum StemMethod
{
    /// <summary>The channels one after the other and again from the first, scaled by old over new channels, so that the expected result stays.</summary>
    Repeat,

    /// <summary>Each new channel is the mean of the old, scaled by old over new channels: an image that is gray gives the same result.</summary>
    Mean,

    /// <summary>The first channels as they are; zeros for the others, which change nothing until they are trained.</summary>
    PadZeros,

    /// <summary>The first channels as they are; random values of the same mean and deviation for the others.</summary>
    PadRandom,
}
