using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The channels-last memory layout of <c>(batch, channels, height, width)</c> tensors, for which libtorch has its fastest
/// convolutions. Shapes and values stay as they are; only the strides change.
/// </summary>
internal static class ChannelsLast
{
    /// <summary>The same values with channels-last strides; no copy where they have them already.</summary>
    public static Tensor Of(Tensor map) => map.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    /// <summary>
    /// Gives 1×1 convolutions their maps in the default layout: on channels-last maps those of libtorch 2.10 give wrong values and
    /// write outside their memory on some CPUs. <see cref="PointwiseConvolution"/> does not need this.
    /// </summary>
    public static void GuardPointwise(nn.Module module)
    {
        foreach (var conv in module.modules().Prepend(module).OfType<Conv2d>())
        {
            if (conv.weight.shape[2] == 1 && conv.weight.shape[3] == 1)
                conv.register_forward_pre_hook((_, input) => input.device_type == DeviceType.CPU ? input.contiguous() : input);
        }
    }

    /// <summary>Gives every 2-D convolution weight below <paramref name="module"/> channels-last strides, in place.</summary>
    public static void ConvertWeights(nn.Module module)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var parameter in module.parameters())
        {
            if (parameter.dim() == 4 && parameter.shape[1] > 1 && parameter.shape[2] * parameter.shape[3] > 1)
                parameter.set_(Of(parameter.detach()));
        }
    }

    /// <summary>
    /// Gives depthwise convolutions with several results per channel their maps in the default layout: on channels-last maps
    /// libtorch 2.10 computes them wrongly on the CPU.
    /// </summary>
    public static void GuardDepthwise(nn.Module module)
    {
        foreach (var conv in module.modules().Prepend(module).OfType<Conv2d>())
        {
            if (conv.groups > 1 && conv.groups == conv.in_channels && conv.out_channels > conv.in_channels)
                conv.register_forward_pre_hook((_, input) => input.device_type == DeviceType.CPU ? input.contiguous() : input);
        }
    }
}
