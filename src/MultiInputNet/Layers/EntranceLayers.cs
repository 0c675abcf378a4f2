using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Layers that begin with a convolution, in two steps. Where that convolution is the first of a base, a map that something else made in
/// its place (an adapted stem, a folded projection) enters at the second.
/// </summary>
internal abstract class EntranceLayers(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>The first step: the convolution, or layers that begin with it.</summary>
    public abstract nn.Module<Tensor, Tensor> First { get; }

    /// <summary>The convolution that a layer is, or begins with; null where it is none of both.</summary>
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
    /// <param name="first">What the first step gives, or what entered in its place.</param>
    /// <param name="input">What came in: the same tensor where that entered here.</param>
    protected abstract Tensor Rest(Tensor first, Tensor input);
}
