using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The largest value of each channel over all positions.</summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, channels)</c> out.</remarks>
public sealed class GlobalMaxFusion() : nn.Module<Tensor, Tensor>(nameof(GlobalMaxFusion))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.amax([2, 3]);
    }
}
