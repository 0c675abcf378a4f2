using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Watches a forward pass through a module: the multiplications of its convolutions, linear layers and attention, and the
/// size of its largest result. It sees what runs through <c>call</c>; layers run through <c>forward</c> stay unseen.
/// </summary>
internal sealed class ForwardProbe : IDisposable
{
    private readonly List<Action> removers = [];
    private readonly Dictionary<nn.Module, MapShape> maps = [];
    private readonly PassBudget? budget;

    /// <summary>Begins to watch.</summary>
    /// <param name="module">The module.</param>
    /// <param name="budget">What bounds the results; nothing when null.</param>
    public ForwardProbe(nn.Module module, PassBudget? budget = null)
    {
        this.budget = budget;
        Watch(module);
        foreach (var child in module.modules())
            Watch(child);
    }

    /// <summary>Multiply-accumulate operations so far.</summary>
    public long Macs { get; private set; }

    /// <summary>The number of values of the largest result so far.</summary>
    public long LargestResult { get; private set; }

    /// <summary>What a layer gave last, where it was a map.</summary>
    public MapShape? MapOf(nn.Module layer) => maps.TryGetValue(layer, out var map) ? map : null;

    public void Dispose() => removers.ForEach(remove => remove());

    private void Watch(nn.Module module)
    {
        if (module is nn.Module<Tensor, Tensor> layer)
        {
            var hook = layer.register_forward_hook((_, input, output) => See(layer, output));
            removers.Add(hook.remove);
            if (budget is not null)
            {
                var before = layer.register_forward_pre_hook((_, input) =>
                {
                    budget.Require(Foresee(layer, input));
                    return null!; // the input stays as it is
                });
                removers.Add(before.remove);
            }
        }
        else if (module is AttentionFusion attention)
        {
            var hook = attention.register_forward_hook((_, maps, _) =>
            {
                Macs += attention.CountMacs(maps.Sum(map => map.shape[2] * map.shape[3]));
                return null!;
            });
            removers.Add(hook.remove);
            if (budget is not null)
            {
                var before = attention.register_forward_pre_hook((_, maps) =>
                {
                    var positions = maps.Sum(map => map.shape[2] * map.shape[3]);
                    budget.Require(attention.Heads * positions * positions);
                    return null!; // the input stays as it is
                });
                removers.Add(before.remove);
            }
        }
    }

    private Tensor See(nn.Module layer, Tensor output)
    {
        LargestResult = Math.Max(LargestResult, output.numel());
        if (output.dim() == 4)
            maps[layer] = MapShape.Of(output);
        budget?.Add(output);
        Macs += layer switch
        {
            Conv1d conv => output.numel() * (conv.weight.numel() / conv.weight.shape[0]),
            Conv2d conv => output.numel() * (conv.weight.numel() / conv.weight.shape[0]),
            Conv3d conv => output.numel() * (conv.weight.numel() / conv.weight.shape[0]),
            PointwiseConvolution conv => output.numel() * conv.Weight.shape[1],
            Linear linear => output.numel() * linear.weight!.shape[1],
            SelfAttention => SelfAttention.CountMacs(output),
            SharedStem stem => output.numel() * stem.Slices.Sum(slice => slice.Weight.numel() / slice.Weight.shape[0]),
            _ => 0,
        };
        return null!; // the result stays as it is
    }

    /// <summary>How many values a layer will make of an input, no fewer than that of the layers that enlarge a map.</summary>
    private static long Foresee(nn.Module layer, Tensor input) => layer switch
    {
        Conv1d conv => input.shape[0] * conv.weight.shape[0] * input.shape[^1],
        Conv2d conv => Result(conv, input),
        PointwiseConvolution conv => input.numel() / Math.Max(1, input.shape[1]) * conv.Weight.shape[0],
        SharedStem stem => Result(stem.First, input),
        Linear linear => input.numel() / Math.Max(1, input.shape[^1]) * linear.weight!.shape[0],
        Embedding embedding => input.numel() * embedding.weight!.shape[1],

        // Some kernels keep no scores; the time that they stand for is to be bounded all the same.
        SelfAttention attention => attention.CountScores(input),
        _ => 0,
    };

    private static long Result(Conv2d conv, Tensor input)
    {
        var values = input.shape[0] * conv.weight.shape[0];
        for (var side = 0; side < 2; side++)
        {
            var size = input.shape[^(2 - side)] + 2 * (conv.padding?[side] ?? 0);
            values *= conv.padding is null ? size : Math.Max(0, (size - conv.dilation[side] * (conv.kernel_size[side] - 1) - 1) / conv.stride[side] + 1);
        }

        return values;
    }
}
