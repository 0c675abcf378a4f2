using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A convolution, its normalisation and an activation; the layers are named 0 and 1, as in torchvision.</summary>
/// <remarks>Shapes: <c>(batch, inChannels, height, width)</c> in, <c>(batch, outChannels, ⌈height / stride⌉, ⌈width / stride⌉)</c> out.</remarks>
internal sealed class ConvNormActivation : EntranceLayers, IInferenceLayer
{
    private readonly nn.Module<Tensor, Tensor> conv;
    private readonly nn.Module<Tensor, Tensor> norm;
    private readonly Activation activation;

    public ConvNormActivation(
        int inChannels, int outChannels, BatchNormOptions normalization, Activation activation, int kernelSize = 1, int stride = 1, int groups = 1)
        : this(
            Layers.Convolution(inChannels, outChannels, kernelSize, stride, groups),
            new BatchNormalization(outChannels, normalization.Epsilon, normalization.Momentum),
            activation)
    {
    }

    public ConvNormActivation(nn.Module<Tensor, Tensor> conv, nn.Module<Tensor, Tensor> norm, Activation activation)
        : base(nameof(ConvNormActivation))
    {
        this.conv = conv;
        this.norm = norm;
        this.activation = activation;
        RegisterComponents();
    }

    protected override void RegisterComponents()
    {
        if (children().Any())
            return;
        register_module("0", conv);
        register_module("1", norm);
    }

    public override nn.Module<Tensor, Tensor> First => conv;

    public InferenceValue Trace(InferenceGraph graph, InferenceValue input) =>
        graph.Activate(graph.Run(norm, graph.Run(conv, input)), activation);

    protected override Tensor Rest(Tensor first, Tensor input) => Layers.Activate(activation, norm.call(first));
}

/// <summary>The epsilon added to the variance, and the momentum of the running statistics.</summary>
internal readonly record struct BatchNormOptions(double Epsilon, double Momentum);
