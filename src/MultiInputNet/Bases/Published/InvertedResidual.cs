using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The block of MobileNetV2 (Sandler et al., 2018), MobileNetV3 and EfficientNet: a 1×1 convolution to more channels, a depthwise
/// convolution, squeeze and excitation, a 1×1 convolution to fewer, and the block's input added if the shapes are equal.
/// </summary>
/// <remarks>Shapes: <c>(batch, In, height, width)</c> in, <c>(batch, Out, ⌈height / Stride⌉, ⌈width / Stride⌉)</c> out.</remarks>
internal sealed class InvertedResidual : nn.Module<Tensor, Tensor>, IRandomModule, IInferenceLayer
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block = [];
    private readonly bool residual;

    /// <summary>The sizes of a block.</summary>
    /// <param name="In">Input channels.</param>
    /// <param name="Out">Output channels.</param>
    /// <param name="Expanded">Channels in between.</param>
    /// <param name="Kernel">The size of the depthwise convolution.</param>
    /// <param name="Stride">Its stride.</param>
    /// <param name="Activation">The non-linearity after the first two convolutions.</param>
    /// <param name="Squeezed">Channels within squeeze and excitation; 0 omits it.</param>
    public readonly record struct Sizes(int In, int Out, int Expanded, int Kernel, int Stride, Activation Activation, int Squeezed);

    public InvertedResidual(Sizes sizes, BatchNormOptions normalization, Activation squeezedActivation, bool isHard, double stochasticDepth = 0)
        : base(nameof(InvertedResidual))
    {
        if (sizes.Expanded != sizes.In)
            block.Add(new ConvNormActivation(sizes.In, sizes.Expanded, normalization, sizes.Activation));
        block.Add(new ConvNormActivation(
            sizes.Expanded, sizes.Expanded, normalization, sizes.Activation, sizes.Kernel, sizes.Stride, groups: sizes.Expanded));
        if (sizes.Squeezed > 0)
            block.Add(new SqueezeExcitation(sizes.Expanded, sizes.Squeezed, squeezedActivation, isHard));
        block.Add(new ConvNormActivation(sizes.Expanded, sizes.Out, normalization, Activation.None));
        residual = sizes.Stride == 1 && sizes.In == sizes.Out;
        StochasticDepth = stochasticDepth;
        RegisterComponents();
    }

    /// <summary>The probability of dropping the block for a sample in training mode.</summary>
    public double StochasticDepth { get; }

    public bool IsRandom => StochasticDepth > 0;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = Layers.Chain(block, input);
        if (residual)
            x = Layers.StochasticDepth(x, StochasticDepth, training).add_(input);
        return x.MoveToOuterDisposeScope();
    }

    public InferenceValue Trace(InferenceGraph graph, InferenceValue input)
    {
        var x = block.Aggregate(input, (x, layer) => graph.Run(layer, x));
        return residual ? graph.Add(x, input) : x;
    }
}
