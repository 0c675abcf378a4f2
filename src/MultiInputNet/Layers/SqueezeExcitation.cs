using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Scales each channel by a gate that depends on the means of all channels (Hu, Shen and Sun, 2018).</summary>
/// <remarks>Shapes: <c>(batch, channels, height, width)</c> in and out.</remarks>
internal sealed class SqueezeExcitation : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> fc1;
    private readonly nn.Module<Tensor, Tensor> fc2;
    private readonly Activation activation;
    private readonly Func<Tensor, Tensor> gate;

    public SqueezeExcitation(int channels, int squeezed, Activation activation, Func<Tensor, Tensor> gate)
        : base(nameof(SqueezeExcitation))
    {
        fc1 = new PointwiseConvolution(channels, squeezed);
        fc2 = new PointwiseConvolution(squeezed, channels);
        this.activation = activation;
        this.gate = gate;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var means = input.mean([2, 3], keepdim: true);
        return (input * gate(fc2.call(Layers.Activate(activation, fc1.call(means))))).MoveToOuterDisposeScope();
    }
}
