using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The shape of what a base gives for one sample: a map, <see cref="MapShape"/>, or tokens, <see cref="TokenShape"/>.</summary>
public abstract record FeatureShape
{
    private protected FeatureShape(long channels) => Channels = channels;

    /// <summary>Values at each position: the channels of a map, the width of a token.</summary>
    public long Channels { get; init; }

    /// <summary>Positions: the pixels of a map, or the tokens.</summary>
    public abstract long Positions { get; }

    /// <summary>Values in all: the length of the flattened vector.</summary>
    public long Count => Channels * Positions;

    /// <summary>The sizes of the tensor of one sample.</summary>
    internal abstract long[] Sizes { get; }

    /// <summary>The shape of the samples of a batch; null where it is neither of maps nor of tokens.</summary>
    internal static FeatureShape? Find(Tensor batch) => batch.shape switch
    {
        [_, var channels, var height, var width] => new MapShape(channels, height, width),
        [_, var tokens, var channels] => new TokenShape(tokens, channels),
        _ => null,
    };
}
