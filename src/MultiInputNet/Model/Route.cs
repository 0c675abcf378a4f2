using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The built path of one task: its inputs, its fusion, its head.</summary>
internal sealed record Route(
    string Task,
    IReadOnlyList<string> Inputs,
    nn.Module Fusion,
    bool SharesFusion,
    nn.Module<Tensor, Tensor> Head,
    string FusionTitle,
    long Features,
    long Macs)
{
    /// <summary>The task's output for the features of its inputs.</summary>
    public Tensor Run(IReadOnlyDictionary<string, FeatureSet> features) => Head.call(Fuse(features));

    /// <summary>The vectors that the head takes, <c>(batch, features)</c>.</summary>
    public Tensor Fuse(IReadOnlyDictionary<string, FeatureSet> features) => FusionSpec.Fuse(Fusion, [.. Inputs.Select(name => features[name])]);
}
