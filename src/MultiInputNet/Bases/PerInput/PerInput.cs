using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>
/// What of a base's batch normalisations each input has of its own. Inputs differ in their means and variances; statistics
/// that they share fit none of them (Bilen and Vedaldi, 2017).
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<PerInput>))]
public enum PerInput
{
    /// <summary>Nothing: all inputs share what the base has.</summary>
    Nothing,

    /// <summary>Running mean and variance; a batch of one input is normalised by itself. Scale and shift are shared.</summary>
    Statistics,

    /// <summary>The statistics, and the scale and shift that are trained.</summary>
    Normalization,
}
