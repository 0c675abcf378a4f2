using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An adapted first convolution of a base; what it gives goes into the base behind that convolution.</summary>
internal abstract class Stem(string name) : nn.Module<Tensor, Tensor>(name)
{
    /// <summary>The weights that it shares with the stems of other inputs.</summary>
    public virtual IReadOnlyList<StemSlice> Slices => [];

    /// <summary>Takes over the weights that the base's convolution has now.</summary>
    public abstract void Adapt(Conv2d first);
}
