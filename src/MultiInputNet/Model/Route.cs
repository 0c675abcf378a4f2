using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The built way of one task: its inputs, its fusion, its head.</summary>
internal sealed record Route(
    string Task,
    IReadOnlyList<string> Inputs,
    nn.Module<IReadOnlyList<Tensor>, Tensor> Fusion,
    nn.Module<Tensor, Tensor> Head,
    string FusionTitle,
    long Features,
    long Macs)
{
    public Tensor Run(IReadOnlyDictionary<string, Tensor> maps) => Head.call(Fuse(maps));

    public Tensor Fuse(IReadOnlyDictionary<string, Tensor> maps) => Fusion.call([.. Inputs.Select(name => maps[name])]);
}
