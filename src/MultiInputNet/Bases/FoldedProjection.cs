using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A linear projection and the first convolution of its base, computed as one convolution of the input's own channels: both are linear, so
/// the product of their weights does what they do one after the other. The map between them, which has more channels, is not made (but
/// for a parallel adapter, which takes it), nor is its gradient.
/// </summary>
/// <remarks>Shapes: <c>(batch, channels of the input, height, width)</c> in; out, what the base's first convolution gives.</remarks>
internal sealed class FoldedProjection
{
    private readonly InputProjection projection;
    private readonly Conv2d first;
    private readonly InputLayers? adapting;

    // The modules whose hooks see the map between the two, or would, and how many the model has made there itself.
    private readonly nn.Module<Tensor, Tensor>[] watchable;
    private readonly int ourHooks;

    private FoldedProjection(InputProjection projection, SharedBase sharedBase, InputLayers? layers)
    {
        this.projection = projection;
        first = sharedBase.FirstConvolution!;
        adapting = layers?.Adapts(first) == true ? layers : null;
        watchable =
        [
            projection,
            projection.Convolution,
            .. sharedBase.modules().Prepend(sharedBase).Where(module => module == first || module.modules().Contains(first))
                .OfType<nn.Module<Tensor, Tensor>>().Distinct(),
        ];
        ourHooks = watchable.Sum(Hooks.Count);
    }

    /// <summary>Whether the two run as one now: a hook that a user has put at a module on the way wants to see the map between them.</summary>
    public bool Applies => watchable.Sum(Hooks.Count) == ourHooks;

    /// <summary>Finds whether a projection and its base can be folded, and should be. The hooks that they have now do not matter.</summary>
    /// <param name="projection">The projection of an input.</param>
    /// <param name="sharedBase">The base that it projects to.</param>
    /// <param name="layers">What each input has of its own in that base.</param>
    /// <returns>Both as one; null where one is not linear, or where the input has so many channels that it would cost more.</returns>
    public static FoldedProjection? Find(nn.Module projection, SharedBase sharedBase, InputLayers? layers) =>
        projection is InputProjection { IsLinear: true } linear
        && sharedBase.FirstConvolution is { } first
        && linear.Convolution.Weight.shape[1] <= first.in_channels + 1
            ? new(linear, sharedBase, layers)
            : null;

    public Tensor Run(Tensor input)
    {
        using var scope = NewDisposeScope();

        // The projection's bias is the weight of one more channel, of ones: like the projected map, it is padded with zeros.
        var map = nn.functional.pad(input.permute(0, 2, 3, 1), [0, 1], PaddingModes.Constant, 1);
        var projected = cat([projection.Convolution.Weight.flatten(1), projection.Convolution.Bias!.unsqueeze(1)], 1);
        var weight = first.weight.permute(0, 2, 3, 1).matmul(projected);
        var result = ChannelsLast.Convolve(first, map.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2));
        return (adapting is null ? result : adapting.AddAdapter(first, () => projection.call(input), result)).MoveToOuterDisposeScope();
    }
}
