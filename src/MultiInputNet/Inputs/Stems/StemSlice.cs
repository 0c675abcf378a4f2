using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The weights of some channels, <c>(outputs, channels, height, width)</c>.</summary>
internal sealed class StemSlice : nn.Module
{
    private readonly Parameter weight;
    private readonly Func<Tensor, Tensor> adapt;

    /// <summary>Creates the slice from the weights that the base's convolution has now.</summary>
    public StemSlice(Conv2d first, Func<Tensor, Tensor> adapt)
        : base(nameof(StemSlice))
    {
        using var noGrad = no_grad();
        this.adapt = adapt;
        weight = new Parameter(adapt(first.weight));

        // It is made with the stem of an input, and no part of it.
        weight.DetachFromDisposeScope();
        RegisterComponents();
    }

    public Tensor Weight => weight;

    /// <summary>Takes over the weights that the base's convolution has now.</summary>
    public void Adapt(Conv2d first)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        weight.copy_(adapt(first.weight));
    }
}
