using System.Text.Json.Serialization;

namespace MultiInputNet;

/// <summary>The normalisation of feature maps in a projection or base.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Normalization>))]
public enum Normalization
{
    /// <summary>None.</summary>
    None,

    /// <summary>Batch normalisation (Ioffe and Szegedy, 2015): per channel over the batch. It mixes the samples of a batch in training mode.</summary>
    Batch,

    /// <summary>Group normalisation (Wu and He, 2018) with 8 groups, or the most that divide both 8 and the channels: per sample.</summary>
    Group,

    /// <summary>Group normalisation with one group: per sample over all channels and positions.</summary>
    Layer,
}
