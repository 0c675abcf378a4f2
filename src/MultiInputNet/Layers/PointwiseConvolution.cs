using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A 1×1 convolution, computed as a linear layer at each position: on channels-last maps, the 1×1 convolutions of libtorch 2.10 give wrong
/// values and write outside their memory on some CPUs. Names and initialisation are those of torch's <c>Conv2d</c>.
/// </summary>
/// <remarks>Shapes: <c>(batch, inChannels, height, width)</c> in, <c>(batch, outChannels, ⌈height / stride⌉, ⌈width / stride⌉)</c> out.</remarks>
internal sealed class PointwiseConvolution : nn.Module<Tensor, Tensor>, IOperations<Tensor>, IInferenceLayer
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly long stride;

    public PointwiseConvolution(long inChannels, long outChannels, long stride = 1, bool bias = true)
        : base(nameof(PointwiseConvolution))
    {
        var bound = 1 / Math.Sqrt(inChannels);
        weight = new Parameter(empty(outChannels, inChannels, 1, 1));
        nn.init.uniform_(weight, -bound, bound);
        if (bias)
        {
            this.bias = new Parameter(empty(outChannels));
            nn.init.uniform_(this.bias, -bound, bound);
        }

        this.stride = stride;
        RegisterComponents();
    }

    public Parameter Weight => weight;

    public Parameter? Bias => bias;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = stride == 1 ? input : input.index(TensorIndex.Ellipsis, TensorIndex.Slice(step: stride), TensorIndex.Slice(step: stride));
        return nn.functional.linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    public InferenceValue Trace(InferenceGraph graph, InferenceValue input) => graph.Convolve(new(input, InferenceGraph.Double(weight), InferenceGraph.Double(bias, weight.shape[0]), [this]) { Stride = [stride, stride] });

    public long CountMacs(Tensor input, Tensor output) => output.numel() * weight.shape[1];

    public long Foresee(Tensor input) => input.numel() / Math.Max(1, input.shape[1]) * weight.shape[0];
}
