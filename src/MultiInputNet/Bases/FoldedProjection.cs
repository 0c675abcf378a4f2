using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A linear projection and the first convolution of its base, computed as one convolution of the input's own channels: both are linear, so
/// the product of their weights does the same as one after the other. The map between them, which has more channels, is not computed
/// (except for a parallel adapter, which takes it, and for hooks, which see it), nor is its gradient.
/// </summary>
/// <remarks>Shapes: <c>(batch, channels of the input, height, width)</c> in; out, the result of the base's first convolution.</remarks>
internal sealed class FoldedProjection
{
    private readonly InputProjection projection;
    private readonly Conv2d first;
    private readonly InputLayers? adapting;

    // The modules whose hooks see the map between the two, or come before it.
    private readonly nn.Module<Tensor, Tensor>[] way;

    private FoldedProjection(InputProjection projection, SharedBase sharedBase, InputLayers? layers)
    {
        this.projection = projection;
        first = sharedBase.FirstConvolution!;
        adapting = layers?.Adapts(first) == true ? layers : null;
        way =
        [
            projection,
            projection.Convolution,
            .. sharedBase.modules().Prepend(sharedBase).Where(module => module == first || module.modules().Contains(first))
                .OfType<nn.Module<Tensor, Tensor>>().Distinct(),
        ];
        Hooks.Register(projection.Convolution, (_, input, result) =>
        {
            if (BaseRun.Current is { } run)
                run.Projected = (input, result);
            return result;
        });
    }

    /// <summary>
    /// Whether a user's hook is involved. The two then also run one after another, for the hooks to see, and what they compute together
    /// still replaces the convolution's result: hooks cost time but change no value.
    /// </summary>
    public bool IsWatched => way.Any(Hooks.AnyOfUsers);

    /// <summary>Prepares the first convolution of a base: a folded result replaces its own.</summary>
    public static void Prepare(SharedBase sharedBase)
    {
        if (sharedBase.FirstConvolution is { } first)
            Hooks.Register(first, (_, map, result) => BaseRun.Current?.FindStandIn(map) ?? result);
    }

    /// <summary>Decides whether a projection and its base can be folded, and should be.</summary>
    /// <param name="projection">The projection of an input.</param>
    /// <param name="sharedBase">The base that it projects to.</param>
    /// <param name="layers">The layers that each input has for itself in that base.</param>
    /// <returns>Both as one; null if one is not linear, or if the input has so many channels that it would cost more.</returns>
    public static FoldedProjection? Find(nn.Module projection, SharedBase sharedBase, InputLayers? layers) =>
        projection is InputProjection { IsLinear: true } linear
        && sharedBase.FirstConvolution is { } first
        && linear.Convolution.Weight.shape[1] <= first.in_channels + 1
            ? new(linear, sharedBase, layers)
            : null;

    /// <summary>Projection and convolution as one, with the adapter of the convolution.</summary>
    public Tensor Run(Tensor input)
    {
        using var scope = NewDisposeScope();
        var result = Convolve(input);
        return (adapting is null ? result : adapting.AddAdapter(first, () => projection.call(input), result)).MoveToOuterDisposeScope();
    }

    /// <summary>Projection and convolution as one.</summary>
    public Tensor Convolve(Tensor input)
    {
        using var scope = NewDisposeScope();

        // The projection's bias is the weight of one more channel, of ones: like the projected map, it is padded with zeros.
        var map = nn.functional.pad(input.permute(0, 2, 3, 1), [0, 1], PaddingModes.Constant, 1);
        var projected = cat([projection.Convolution.Weight.flatten(1), projection.Convolution.Bias!.unsqueeze(1)], 1);
        var weight = first.weight.permute(0, 2, 3, 1).matmul(projected);
        return ChannelsLast.Convolve(first, map.permute(0, 3, 1, 2), weight.permute(0, 3, 1, 2)).MoveToOuterDisposeScope();
    }

    /// <summary>Runs the projection alone, with its hooks.</summary>
    /// <param name="input">A batch.</param>
    /// <param name="run">The run that it is part of.</param>
    /// <returns>Its map; and whether it is the result of the projection's weights, not replaced by a hook.</returns>
    public (Tensor Map, bool IsProjected) Project(Tensor input, BaseRun run)
    {
        using var scope = NewDisposeScope();
        var x = ChannelsLast.Of(input);
        var map = projection.call(x);
        var isProjected = run.Projected is var (taken, given) && ReferenceEquals(taken, x) && ReferenceEquals(map, given) && IsUnchanged();
        return (ChannelsLast.Of(map).MoveToOuterDisposeScope(), isProjected);

        bool IsUnchanged()
        {
            using var noGrad = no_grad();
            return projection.Convolution.forward(ChannelsLast.Of(input)).allclose(map, rtol: 0, atol: 0, equal_nan: true);
        }
    }
}
