using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// An input's own copy of the first convolution of a base, made to fit the input's channels; what it gives goes into the base
/// behind that convolution.
/// </summary>
/// <remarks>Shapes: as the base's first convolution, with the input's channels.</remarks>
internal sealed class AdaptedStem : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly StemMethod method;

    /// <summary>Creates the stem with the weights that the convolution has now.</summary>
    public AdaptedStem(Conv2d first, int channels, StemMethod method)
        : base(nameof(AdaptedStem))
    {
        conv = nn.Conv2d(
            channels,
            first.out_channels,
            (first.kernel_size[0], first.kernel_size[1]),
            (first.stride[0], first.stride[1]),
            (first.padding![0], first.padding[1]),
            bias: first.bias is not null);
        this.method = method;
        RegisterComponents();
        Adapt(first);
    }

    /// <summary>Takes over the weights that the base's convolution has now.</summary>
    public void Adapt(Conv2d first)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        conv.weight.copy_(StemAdapter.Adapt(first.weight, (int)conv.in_channels, method));
        conv.bias?.copy_(first.bias!);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return conv.call(ChannelsLast.Of(input)).MoveToOuterDisposeScope();
    }
}
