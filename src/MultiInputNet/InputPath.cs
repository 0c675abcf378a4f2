using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The built way of one input to the map that its base gives.</summary>
internal sealed record InputPath(
    string Name,
    InputSpec Spec,
    Standardization? Standardization,
    nn.Module<Tensor, Tensor> Projection,
    SharedBase Base,
    MapShape Projected,
    MapShape Map,
    long Macs,
    long LargestResult)
{
    public Tensor Project(Tensor input) => ChannelsLast.Of(Projection.call(Standardization is null ? input : Standardization.call(input)));
}
