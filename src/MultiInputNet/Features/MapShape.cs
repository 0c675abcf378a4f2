namespace MultiInputNet;

/// <summary>The shape of a feature map of one sample.</summary>
/// <param name="Channels">The number of channels.</param>
/// <param name="Height">The number of rows.</param>
/// <param name="Width">The number of columns.</param>
public sealed record MapShape(long Channels, long Height, long Width) : FeatureShape(Channels)
{
    /// <inheritdoc/>
    public override long Positions => Height * Width;

    internal override long[] Sizes => [Channels, Height, Width];

    /// <summary>The shape of the samples of a batch of maps.</summary>
    internal static MapShape Of(TorchSharp.torch.Tensor maps) => new(maps.shape[1], maps.shape[2], maps.shape[3]);

    /// <summary>The sizes as <c>128×8×8</c>.</summary>
    /// <returns>Channels, height and width.</returns>
    public override string ToString() => $"{Channels}×{Height}×{Width}";
}
