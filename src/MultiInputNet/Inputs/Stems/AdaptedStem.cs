using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>An input's own copy of the first convolution of a base, adapted to the input's channels.</summary>
/// <remarks>Shapes: as the base's first convolution, with the input's channels.</remarks>
internal sealed class AdaptedStem : Stem
{
    private readonly Conv2d conv;
    private readonly Func<Tensor, Tensor> adapt;

    /// <summary>Creates the stem from the current weights of the convolution.</summary>
    /// <param name="first">The base's first convolution.</param>
    /// <param name="channels">The input's channels.</param>
    /// <param name="adapt">Adapts the convolution's weights to them.</param>
    public AdaptedStem(Conv2d first, int channels, Func<Tensor, Tensor> adapt)
        : base(nameof(AdaptedStem))
    {
        conv = nn.Conv2d(
            channels,
            first.out_channels,
            (first.kernel_size[0], first.kernel_size[1]),
            (first.stride[0], first.stride[1]),
            (first.padding![0], first.padding[1]),
            bias: first.bias is not null);
        this.adapt = adapt;
        RegisterComponents();
        Adapt(first);
    }

    public override (Tensor Weight, Tensor? Bias) Kernel => (conv.weight, conv.bias);

    public override void Adapt(Conv2d first)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        conv.weight.copy_(adapt(first.weight));
        conv.bias?.copy_(first.bias!);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return conv.call(ChannelsLast.Of(input)).MoveToOuterDisposeScope();
    }
}
