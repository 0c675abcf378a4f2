using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A linear projection and the first convolution of its base, computed as one convolution of the input's own channels: both are linear, so
/// the product of their weights does what they do one after the other. The maps between them, which have more channels, are never
/// made, nor are the gradients of those.
/// </summary>
/// <remarks>Shapes: <c>(batch, channels of the input, height, width)</c> in; out, what the base's first convolution gives.</remarks>
internal sealed class FoldedProjection
{
    private readonly InputProjection projection;
    private readonly Conv2d first;
    private readonly InputLayers? adapting;

    private FoldedProjection(InputProjection projection, Conv2d first, InputLayers? layers)
    {
        this.projection = projection;
        this.first = first;
        adapting = layers?.Adapts(first) == true ? layers : null;
    }

    /// <summary>Whether the two run as one now: a hook that a user has put at either wants to see the map between them.</summary>
    public bool Applies =>
        Hooks.Count(projection) + Hooks.Count(projection.Convolution) == 0 && Hooks.Count(first) == (adapting is null ? 0 : 1);

    /// <summary>Finds whether a projection and its base can be folded, and should be.</summary>
    /// <param name="projection">The projection of an input.</param>
    /// <param name="trunk">The base that it projects to.</param>
    /// <param name="layers">What each input has of its own in that base.</param>
    /// <returns>Both as one; null where one is not linear, or where the input has so many channels that it would cost more.</returns>
    public static FoldedProjection? Find(nn.Module projection, SharedBase trunk, InputLayers? layers) =>
        projection is InputProjection { IsLinear: true } linear
        && trunk.FirstConvolution is { } first
        && first.out_channels != first.in_channels
        && linear.Convolution.Weight.shape[1] <= first.in_channels + 1
            ? new(linear, first, layers)
            : null;

    public Tensor Run(Tensor input)
    {
        using var scope = NewDisposeScope();

        // The projection's bias is the weight of one more channel, of ones: like the projected map, it is padded with zeros.
        var map = nn.functional.pad(input.permute(0, 2, 3, 1), [0, 1], PaddingModes.Constant, 1);
        var projected = cat([projection.Convolution.Weight.flatten(1), projection.Convolution.Bias!.unsqueeze(1)], 1);
        var weight = first.weight.permute(0, 2, 3, 1).matmul(projected);
        var result = nn.functional.conv2d(
            map.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2), first.bias, first.stride, first.padding, first.dilation);
        return (adapting is null ? result : adapting.AddAdapter(first, () => projection.call(input), result)).MoveToOuterDisposeScope();
    }
}
