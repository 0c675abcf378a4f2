using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Maps an image with any number of channels to the channels of a base: a 1×1 convolution, optional normalisation and activation.
/// </summary>
/// <remarks>Shapes: <c>(batch, inChannels, height, width)</c> in, <c>(batch, outChannels, height, width)</c> out.</remarks>
public sealed class InputProjection : nn.Module<Tensor, Tensor>, IInferenceLayer
{
    private readonly PointwiseConvolution conv;
    private readonly nn.Module<Tensor, Tensor>? norm;
    private readonly Activation activation;

    /// <summary>Creates the module with torch's default initialisation.</summary>
    /// <param name="inChannels">The number of channels of the image, at least 1.</param>
    /// <param name="outChannels">The number of channels that the base takes, at least 1.</param>
    /// <param name="normalization">The normalisation after the convolution.</param>
    /// <param name="activation">The non-linearity at the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">A channel count is below 1.</exception>
    public InputProjection(
        int inChannels, int outChannels, Normalization normalization = Normalization.None, Activation activation = Activation.None)
        : base(nameof(InputProjection))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inChannels, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(outChannels, 1);
        conv = new PointwiseConvolution(inChannels, outChannels);
        norm = Layers.Normalize(normalization, outChannels);
        this.activation = activation;
        RegisterComponents();
    }

    /// <summary>Whether it consists of the convolution alone.</summary>
    internal bool IsLinear => norm is null && activation == Activation.None;

    internal PointwiseConvolution Convolution => conv;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = conv.call(ChannelsLast.Of(input));
        x = norm is null ? x : norm.call(x);
        return Layers.Activate(activation, x).MoveToOuterDisposeScope();
    }

    InferenceValue IInferenceLayer.Trace(InferenceGraph graph, InferenceValue input)
    {
        var x = graph.Run(conv, input);
        return graph.Activate(norm is null ? x : graph.Run(norm, x), activation);
    }
}
