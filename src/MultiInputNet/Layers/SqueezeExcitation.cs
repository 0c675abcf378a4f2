using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Scales each channel by a gate that depends on the means of all channels (Hu, Shen and Sun, 2018).</summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in and out.</remarks>
internal sealed class SqueezeExcitation : nn.Module<Tensor, Tensor>, IInferenceLayer
{
    private readonly nn.Module<Tensor, Tensor> fc1;
    private readonly nn.Module<Tensor, Tensor> fc2;
    private readonly Activation activation;
    private readonly bool isHard;

    /// <param name="channels">The number of channels.</param>
    /// <param name="squeezed">The number of channels between its two layers.</param>
    /// <param name="activation">The activation between them.</param>
    /// <param name="isHard">Whether the gate is a hard sigmoid instead of a sigmoid.</param>
    public SqueezeExcitation(int channels, int squeezed, Activation activation, bool isHard)
        : base(nameof(SqueezeExcitation))
    {
        fc1 = new PointwiseConvolution(channels, squeezed);
        fc2 = new PointwiseConvolution(squeezed, channels);
        this.activation = activation;
        this.isHard = isHard;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var means = input.mean([2, 3], keepdim: true);
        var x = fc2.call(Layers.Activate(activation, fc1.call(means)));
        return (input * (isHard ? nn.functional.hardsigmoid(x) : x.sigmoid())).MoveToOuterDisposeScope();
    }

    public InferenceValue Trace(InferenceGraph graph, InferenceValue input) => graph.Gate(
        input, means => graph.Sigmoid(graph.Run(fc2, graph.Activate(graph.Run(fc1, means), activation)), isHard));
}
