using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>
/// Which parts of a base's batch normalisations each input has for itself. Inputs differ in their means and variances; shared statistics
/// fit none of them (Bilen and Vedaldi, 2017).
/// </summary>
[JsonConverter(typeof(JsonStringEnumConverter<PerInput>))]
public enum PerInput
{
    /// <summary>None: all inputs share those of the base.</summary>
    Nothing,

    /// <summary>Running mean and variance; a batch of one input is normalised on its own. Scale and shift are shared.</summary>
    Statistics,

    /// <summary>The statistics, and the learned scale and shift.</summary>
    Normalization,
}
