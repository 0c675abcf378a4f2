using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The shape of a base's output for one sample: a map, <see cref="MapShape"/>, or tokens, <see cref="TokenShape"/>.</summary>
public abstract record FeatureShape
{
    private protected FeatureShape(long channels) => Channels = channels;

    /// <summary>The number of values per position: the channels of a map, the width of a token.</summary>
    public long Channels { get; init; }

    /// <summary>The number of positions: the pixels of a map, or the tokens.</summary>
    public abstract long Positions { get; }

    /// <summary>The total number of values: the length of the flattened vector.</summary>
    public long Count => Channels * Positions;

    /// <summary>The sizes of the tensor of one sample.</summary>
    internal abstract long[] Sizes { get; }

    /// <summary>The shape of the samples of a batch; null if it has neither maps nor tokens.</summary>
    internal static FeatureShape? Find(Tensor batch) => Shapes.Of(batch) switch
    {
        [_, var channels, var height, var width] => new MapShape(channels, height, width),
        [_, var tokens, var channels] => new TokenShape(tokens, channels),
        _ => null,
    };
}
