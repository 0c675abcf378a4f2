using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>All values of a feature map in one vector, channel by channel: nothing is lost, and the map's size is fixed.</summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, channels · height · width)</c> out.</remarks>
public sealed class FlattenFusion() : nn.Module<Tensor, Tensor>(nameof(FlattenFusion))
{
    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return input.flatten(start_dim: 1);
    }
}
