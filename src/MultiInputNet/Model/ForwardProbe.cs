using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Watches a forward pass through a module: the multiplications of its convolutions, linear layers and attention, and the size of its
/// largest result. It sees what runs through <c>call</c>; layers run through <c>forward</c> are not seen.
/// </summary>
internal sealed class ForwardProbe : IDisposable
{
    private readonly List<Action> removers = [];
    private readonly Dictionary<nn.Module, MapShape> maps = [];
    private readonly PassBudget? budget;

    /// <summary>Starts watching.</summary>
    /// <param name="module">The module.</param>
    /// <param name="budget">The limit of the results; null for none.</param>
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

    /// <summary>The last result of a layer, if it was a map.</summary>
    public MapShape? MapOf(nn.Module layer) => maps.TryGetValue(layer, out var map) ? map : null;

    public void Dispose() => removers.ForEach(remove => remove());

    private void Watch(nn.Module module)
    {
        if (module is nn.Module<Tensor, Tensor> layer)
        {
            var operations = layer as IOperations<Tensor>;
            Watch(
                layer,
                (input, output) =>
                {
                    LargestResult = Math.Max(LargestResult, output.numel());
                    if (output.dim() == 4)
                        maps[layer] = MapShape.Of(output);
                    budget?.Add(output);
                    return operations?.CountMacs(input, output) ?? TorchOperations.CountMacs(layer, output);
                },
                input => operations?.Foresee(input) ?? TorchOperations.Foresee(layer, input));
        }
        else if (module is nn.Module<IReadOnlyList<FeatureSet>, Tensor> fusion && module is IOperations<IReadOnlyList<FeatureSet>> its)
        {
            Watch(fusion, its.CountMacs, its.Foresee);
        }
        else if (module is nn.Module<IReadOnlyList<Tensor>, Tensor> node && module is IOperations<IReadOnlyList<Tensor>> known)
        {
            Watch(
                node,
                (inputs, output) =>
                {
                    LargestResult = Math.Max(LargestResult, output.numel());
                    budget?.Add(output);
                    return known.CountMacs(inputs, output);
                },
                known.Foresee);
        }
    }

    /// <summary>Hooks a module, without changing input or result.</summary>
    private void Watch<TInput>(nn.Module<TInput, Tensor> module, Func<TInput, Tensor, long> countMacs, Func<TInput, long> foresee)
    {
        removers.Add(module.register_forward_hook((_, input, output) =>
        {
            Macs += countMacs(input, output);
            return null!;
        }).remove);
        if (budget is null)
            return;
        removers.Add(module.register_forward_pre_hook((_, input) =>
        {
            budget.Require(foresee(input));
            return default!;
        }).remove);
    }
}
