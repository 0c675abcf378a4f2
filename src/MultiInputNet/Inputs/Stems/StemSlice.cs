using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The weights of some channels, <c>(outputs, channels, height, width)</c>.</summary>
internal sealed class StemSlice : nn.Module
{
    private readonly Parameter weight;
    private readonly Func<Tensor, Tensor> adapt;

    /// <summary>Creates the slice from the current weights of the base's convolution.</summary>
    public StemSlice(Conv2d first, Func<Tensor, Tensor> adapt)
        : base(nameof(StemSlice))
    {
        using var noGrad = no_grad();
        this.adapt = adapt;
        weight = new Parameter(adapt(first.weight));

        // It is created together with the stem of an input, but is not part of it.
        weight.DetachFromDisposeScope();
        RegisterComponents();
    }

    public Tensor Weight => weight;

    /// <summary>Copies the current weights of the base's convolution.</summary>
    public void Adapt(Conv2d first)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        weight.copy_(adapt(first.weight));
    }
}
