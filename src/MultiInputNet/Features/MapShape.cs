namespace MultiInputNet;

/// <summary>The shape of a feature map of one sample.</summary>
/// <param name="Channels">Channels.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct MapShape(long Channels, long Height, long Width)
{
    /// <summary>Values in the map: the length of its flattened vector.</summary>
    public long Count => Channels * Height * Width;

    /// <summary>The shape of the samples of a batch of maps.</summary>
    internal static MapShape Of(TorchSharp.torch.Tensor maps) => new(maps.shape[1], maps.shape[2], maps.shape[3]);

    /// <summary>The sizes as <c>128×8×8</c>.</summary>
    /// <returns>Channels, height and width.</returns>
    public override string ToString() => $"{Channels}×{Height}×{Width}";
}
