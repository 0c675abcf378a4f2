using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Weights of a base's first convolution that several inputs share: one slice per band name, or per adaptation method for inputs with the
/// same number of channels.
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
