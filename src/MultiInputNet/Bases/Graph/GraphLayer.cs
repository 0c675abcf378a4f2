using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A node without weights.</summary>
internal sealed class GraphLayer(GraphNode node, GraphOperation operation)
    : nn.Module<IReadOnlyList<Tensor>, Tensor>(nameof(GraphLayer)), IOperations<IReadOnlyList<Tensor>>
{
    public override Tensor forward(IReadOnlyList<Tensor> inputs)
    {
        using var scope = NewDisposeScope();
        var result = operation.Run!(new(node, inputs));
        return (inputs.Any(input => ReferenceEquals(input, result)) ? result.alias() : result).MoveToOuterDisposeScope();
    }

    public long CountMacs(IReadOnlyList<Tensor> inputs, Tensor output) => node.Operation == "MatMul" ? output.numel() * inputs[0].shape[^1] : 0;

    public long Foresee(IReadOnlyList<Tensor> inputs) => (long)Math.Min(operation.Foresee(new(node, inputs)), long.MaxValue / 2);
}
