using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Weights of a base's first convolution that several inputs share: a slice for each band by its name, or for each way of adapting that
/// inputs with equally many channels share.
/// </summary>
internal sealed class StemBank() : nn.Module(nameof(StemBank))
{
    private readonly Dictionary<string, StemSlice> slices = [];

    public StemSlice? Find(string name) => slices.GetValueOrDefault(name);

    public void Add(string name, StemSlice slice)
    {
        slices.Add(name, slice);
        register_module(name, slice);
    }
}

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
