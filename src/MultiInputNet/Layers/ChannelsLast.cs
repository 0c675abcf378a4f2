using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The channels-last memory layout of <c>(batch, channels, height, width)</c> tensors, for which libtorch has its fastest convolutions.
/// Shapes and values are unchanged; only the strides differ.
/// </summary>
internal static class ChannelsLast
{
    /// <summary>The same values with channels-last strides; not a copy if they already have them.</summary>
    public static Tensor Of(Tensor map)
    {
        using var scope = NewDisposeScope();
        var positions = map.permute(0, 2, 3, 1);
        return positions.is_contiguous() ? map : positions.contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Makes any module fast and correct on channels-last maps, in place.</summary>
    public static void Prepare(nn.Module module)
    {
        ConvertWeights(module);
        foreach (var conv in module.modules().Prepend(module).OfType<Conv2d>())
        {
            if (IsWrong(conv))
                conv.register_forward_pre_hook((_, input) => NeedsDefaultLayout(input) ? InDefaultLayout(input) : input);
            else if (HasWrongGradient(conv))
                Hooks.Register(conv, (_, input, result) => NeedsCare(input) ? RunOnTwoChannels(conv, input, conv.weight) : result);
            if (conv.groups > 1 && conv.stride.Any(step => step > 1) && IsPadded(conv))
                Hooks.Register(conv, (_, input, result) => NeedsCare(input) && input.dtype == ScalarType.BFloat16 ? RunInSinglePrecision(conv, input) : result);
        }

        foreach (var conv in module.modules().Prepend(module).OfType<Conv1d>().Where(conv => conv.groups == 1 && IsPadded(conv)))
            Hooks.Register(conv, (_, input, result) => input.dim() == 3 && (NeedsCare(input) || IsWrong(conv, input)) ? RunAsMap(conv, input) : result);
    }

    /// <summary>Runs a convolution without groups, possibly with other weights, bypassing its hooks.</summary>
    public static Tensor Convolve(Conv2d conv, Tensor input, Tensor weight) => weight.shape[1] == 1 && NeedsCare(input)
        ? RunOnTwoChannels(conv, input, weight)
        : nn.functional.conv2d(IsWrong(conv) && NeedsDefaultLayout(input) ? InDefaultLayout(input) : input, weight, conv.bias, conv.stride, conv.padding, conv.dilation);

    /// <summary>Runs a convolution on a one-channel map, with a second channel of zeros, which makes the gradient correct.</summary>
    private static Tensor RunOnTwoChannels(Conv2d conv, Tensor input, Tensor weight)
    {
        using var scope = NewDisposeScope();
        return nn.functional.conv2d(WithZeros(input), WithZeros(weight), conv.bias, conv.stride, conv.padding, conv.dilation)
            .MoveToOuterDisposeScope();
    }

    private static Tensor WithZeros(Tensor x) => nn.functional.pad(x.permute(0, 2, 3, 1), [0, 1]).permute(0, 3, 1, 2);

    /// <summary>Runs a 1-D convolution on a sequence, as a channels-last map of one row.</summary>
    private static Tensor RunAsMap(Conv1d conv, Tensor input)
    {
        using var scope = NewDisposeScope();
        var (stride, padding, dilation) = (conv.stride[0], conv.padding![0], conv.dilation[0]);
        if (conv.weight.shape[2] == 1)
        {
            var steps = nn.functional.pad(input, [padding, padding]).transpose(1, 2).index(TensorIndex.Ellipsis, TensorIndex.Slice(step: stride), TensorIndex.Colon);
            return nn.functional.linear(steps, conv.weight.squeeze(2), conv.bias).transpose(1, 2).MoveToOuterDisposeScope();
        }

        var (map, weight) = (Of(input.unsqueeze(2)), Of(conv.weight.unsqueeze(2)));
        if (conv.in_channels == 1)
            (map, weight) = (WithZeros(map), WithZeros(weight));
        return nn.functional.conv2d(map, weight, conv.bias, [1, stride], [0, padding], [1, dilation]).squeeze(2).MoveToOuterDisposeScope();
    }

    private static Tensor RunInSinglePrecision(Conv2d conv, Tensor input)
    {
        using var scope = NewDisposeScope();
        return nn.functional.conv2d(
            input.to(ScalarType.Float32), conv.weight.to(ScalarType.Float32), conv.bias?.to(ScalarType.Float32), conv.stride, conv.padding, conv.dilation, conv.groups)
            .to(input.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The same values in the default layout. A map of one pixel or one channel is contiguous in both layouts; which one libtorch chooses
    /// depends on the strides of dimensions of size 1, which only a new view changes.
    /// </summary>
    private static Tensor InDefaultLayout(Tensor map)
    {
        if (map.dim() != 4 || (map.shape[1] > 1 && map.shape[2] * map.shape[3] > 1))
            return map.contiguous();
        using var scope = NewDisposeScope();
        return map.contiguous().flatten().view(map.shape).MoveToOuterDisposeScope();
    }

    private static bool NeedsDefaultLayout(Tensor input) => input.device_type == DeviceType.CPU;

    private static bool NeedsCare(Tensor input) => input.device_type == DeviceType.CPU && (input.requires_grad || input.dtype == ScalarType.BFloat16);

    /// <summary>
    /// Whether a 1-D convolution, which is computed in the default layout, may give wrong results, not only a wrong gradient.
    /// </summary>
    private static bool IsWrong(Conv1d conv, Tensor input) => input.device_type == DeviceType.CPU && conv.in_channels > 16 && conv.in_channels % 16 != 0;

    private static void ConvertWeights(nn.Module module)
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
    /// Whether libtorch 2.10 computes a convolution of channels-last maps wrongly on some CPUs: 1×1 convolutions, which also write outside
    /// their memory (<see cref="PointwiseConvolution"/> is correct), and depthwise ones with several results per channel.
    /// </summary>
    private static bool IsWrong(Conv2d conv) =>
        (conv.weight.shape[2] == 1 && conv.weight.shape[3] == 1)
        || (conv.groups > 1 && conv.groups == conv.in_channels && conv.out_channels > conv.in_channels);

    /// <summary>Whether it computes the gradient of a convolution's input wrongly on some CPUs: if there is only one channel.</summary>
    private static bool HasWrongGradient(Conv2d conv) => conv.in_channels == 1 && IsPadded(conv);

    private static bool IsPadded(Convolution conv) => conv.padding is not null && conv.padding_mode == PaddingModes.Zeros;
}
