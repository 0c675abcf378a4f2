using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An adapted first convolution of a base; its output enters the base after that convolution.</summary>
internal abstract class Stem(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>The weights that it shares with the stems of other inputs.</summary>
    public virtual IReadOnlyList<StemSlice> Slices => [];

    /// <summary>What it convolves with: <c>(results, channels of the input, height, width)</c>, and the bias.</summary>
    public abstract (Tensor Weight, Tensor? Bias) Kernel { get; }

    /// <summary>Copies the current weights of the base's convolution.</summary>
    public abstract void Adapt(Conv2d first);
}
