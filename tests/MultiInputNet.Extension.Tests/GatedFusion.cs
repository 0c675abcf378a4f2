using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>The channel means of several maps, weighted by a gate for each.</summary>
/// <remarks>Shapes: maps <c>(batch, channels, height, width)</c> in, <c>(batch, channels)</c> out.</remarks>
internal sealed class GatedFusion : nn.Module<IReadOnlyList<Tensor>, Tensor>
{
    private readonly Parameter gates;

    public GatedFusion(int maps)
        : base(nameof(GatedFusion))
    {
        gates = new Parameter(zeros(maps));
        RegisterComponents();
    }

    public override Tensor forward(IReadOnlyList<Tensor> input)
    {
        using var scope = NewDisposeScope();
        var shares = gates.softmax(0);
        return input.Select((map, i) => map.mean([2, 3]) * shares[i]).Aggregate((sum, part) => sum + part).MoveToOuterDisposeScope();
    }
}
