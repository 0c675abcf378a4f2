namespace MultiInputNet;

/// <summary>A map in an <see cref="InferenceGraph"/>: the result of an operation, or a convolution that may still take up what follows it.</summary>
internal sealed class InferenceValue(MapShape shape)
{
    /// <summary>Its channels, height and width.</summary>
    public MapShape Shape { get; } = shape;

    /// <summary>
    /// How many channels it has in memory: those of its shape, and behind them zeros, which round a number up to what oneDNN's kernels
    /// divide into equal blocks.
    /// </summary>
    public long Channels { get; init; } = shape.Channels;

    /// <summary>Its name in the program, once it is computed.</summary>
    public string? Name { get; set; }

    /// <summary>The convolution that computes it, until something else than a normalisation, an addition or an activation needs it.</summary>
    public InferenceConvolution? Pending { get; init; }

    /// <summary>Whether nothing else holds it, so that what takes it may change it.</summary>
    public bool IsFresh { get; init; }
}
