using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Layers that begin with a convolution, in two steps. If that convolution is the first of a base, a replacement of its result (from an
/// adapted stem or a folded projection) enters at the second.
/// </summary>
internal abstract class EntranceLayers(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>The first step: the convolution, or layers that begin with it.</summary>
    public abstract nn.Module<Tensor, Tensor> First { get; }

    /// <summary>The convolution that a layer is or begins with; null if neither is the case.</summary>
    public static Conv2d? ConvolutionOf(nn.Module layer) => layer switch
    {
        Conv2d conv => conv,
        EntranceLayers layers => ConvolutionOf(layers.First),
        _ => null,
    };

    /// <inheritdoc/>
    public sealed override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var result = Rest(BaseRun.Begin(First, input), input);
        return ReferenceEquals(result, input) ? input : result.MoveToOuterDisposeScope();
    }

    /// <summary>The second step.</summary>
    /// <param name="first">The result of the first step, or its replacement.</param>
    /// <param name="input">The input of the layers; the same tensor if the map entered here.</param>
    protected abstract Tensor Rest(Tensor first, Tensor input);
}
