using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The mean of each channel over all positions.</summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, channels)</c> out.</remarks>
public sealed class GlobalAverageFusion() : nn.Module<Tensor, Tensor>(nameof(GlobalAverageFusion))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.mean([2, 3]);
    }
}
