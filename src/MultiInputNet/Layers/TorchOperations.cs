using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The cost of TorchSharp's layers. Those of this library know their own (<see cref="IOperations{TInput}"/>).</summary>
internal static class TorchOperations
{
    public static long CountMacs(nn.Module layer, Tensor output) => layer switch
    {
        Conv1d conv => output.numel() * PerResult(conv.weight),
        Conv2d conv => output.numel() * PerResult(conv.weight),
        Conv3d conv => output.numel() * PerResult(conv.weight),
        Linear linear => output.numel() * PerResult(linear.weight!),
        _ => 0,
    };

    /// <summary>An upper bound on the number of values of a layer's result; 0 for layers that do not enlarge a map.</summary>
    public static long Foresee(nn.Module layer, Tensor input) => layer switch
    {
        Conv1d conv => input.shape[0] * conv.weight.shape[0] * input.shape[^1],
        Conv2d conv => Foresee(conv, input),
        Linear linear => input.numel() / Math.Max(1, input.shape[^1]) * linear.weight!.shape[0],
        Embedding embedding => input.numel() * embedding.weight!.shape[1],
        _ => 0,
    };

    public static long Foresee(Conv2d conv, Tensor input)
    {
        var values = input.shape[0] * conv.weight.shape[0];
        for (var side = 0; side < 2; side++)
        {
            var size = input.shape[^(2 - side)] + 2 * (conv.padding?[side] ?? 0);
            values *= conv.padding is null ? size : Math.Max(0, (size - conv.dilation[side] * (conv.kernel_size[side] - 1) - 1) / conv.stride[side] + 1);
        }

        return values;
    }

    private static long PerResult(Tensor weight) => weight.numel() / weight.shape[0];
}
