using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Fuses several inputs: each map becomes a vector by a module of its own, and the vectors are concatenated, summed or
/// averaged.
/// </summary>
/// <remarks>Shapes: maps <c>(batch, channels, height, width)</c> in, <c>(batch, features)</c> out.</remarks>
public sealed class CombinedFusion : nn.Module<IReadOnlyList<Tensor>, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> maps;
    private readonly Combination combination;

    /// <summary>Creates the module.</summary>
    /// <param name="combination">What happens to the vectors.</param>
    /// <param name="maps">The module that turns the map of each input into a vector, in the order of the inputs.</param>
    /// <exception cref="ArgumentException">There is no module.</exception>
    public CombinedFusion(Combination combination, IReadOnlyList<nn.Module<Tensor, Tensor>> maps)
        : base(nameof(CombinedFusion))
    {
        ArgumentNullException.ThrowIfNull(maps);
        if (maps.Count == 0)
            throw new ArgumentException("Give a module for each input.", nameof(maps));
        this.combination = combination;
        this.maps = new ModuleList<nn.Module<Tensor, Tensor>>([.. maps]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(IReadOnlyList<Tensor> input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var vectors = input.Select((map, i) => maps[i].call(map)).ToArray();
        var fused = combination switch
        {
            Combination.Concatenation => cat(vectors, 1),
            Combination.Sum => stack(vectors).sum(dim: 0),
            _ => stack(vectors).mean([0]),
        };
        return fused.MoveToOuterDisposeScope();
    }
}
