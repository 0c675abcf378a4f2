using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What the layers of TorchSharp cost. Those of this library say it themselves (<see cref="IOperations{TInput}"/>).</summary>
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

    /// <summary>No fewer values than the layer will make of an input; 0 for layers that do not enlarge a map.</summary>
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
