using MultiInputNet.Onnx.Schema;

namespace MultiInputNet.Onnx;

/// <summary>How values lead from the input of an ONNX graph to its output.</summary>
/// <param name="graph">The graph.</param>
/// <param name="input">The name of its input.</param>
/// <param name="shapeOf">The shape of a value that is in the file; null if it is not.</param>
/// <param name="read">Reads a value that is in the file.</param>
internal sealed class GraphFlow(GraphProto graph, string input, Func<string, long[]?> shapeOf, Func<string, OnnxTensor?> read)
{
    private readonly Dictionary<string, Value> values = [];

    /// <summary>The operators that a value depends on, in the order of the file.</summary>
    public IReadOnlyList<NodeProto> Before(string value)
    {
        var needed = new HashSet<string> { value };
        var before = new List<NodeProto>();
        foreach (var node in graph.Node.Reverse())
        {
            if (!node.Output.Any(output => output.Length > 0 && needed.Contains(output)))
                continue;
            before.Add(node);
            needed.UnionWith(node.Input);
        }

        before.Reverse();
        return before;
    }

    /// <summary>The last map, or tokens, that alone lead to the output, and that are not pooled over all positions.</summary>
    public string? FindLast()
    {
        if (graph.Output.FirstOrDefault()?.Name is not { } output)
            return null;
        var nodes = Before(output);
        values[input] = new(4, null, IsData: true, IsPooled: false);

        // Sizes are no data: a graph may take them from anywhere.
        var lastUse = new Dictionary<string, NodeProto>();
        foreach (var node in nodes)
        {
            foreach (var name in node.Input)
                lastUse[name] = node;
        }

        var open = new HashSet<string> { input };
        (string Name, NodeProto Node)? last = null;
        foreach (var node in nodes)
        {
            var own = Find(node);
            foreach (var name in node.Output.Where(name => name.Length > 0))
            {
                values[name] = own;
                if (own.IsData)
                    open.Add(name);
            }

            open.RemoveWhere(name => name != output && (!lastUse.TryGetValue(name, out var user) || user == node));
            if (open.Count == 1 && open.First() is var alone && node.Output.Contains(alone) && own is { Dimensions: 3 or 4, IsPooled: false })
                last = (alone, node);
        }

        // A pooling at the end is over all positions of the size for which the graph was made.
        while (last is var (_, pooling) && pooling.OpType == "AveragePool")
            last = graph.Node.FirstOrDefault(node => node.Output.Contains(pooling.Input[0])) is { } before ? (pooling.Input[0], before) : null;
        return last?.Name;
    }

    private Value Find(NodeProto node)
    {
        Value[] inputs = [.. node.Input.Select(ValueOf)];
        var data = inputs.Where(value => value.IsData).ToArray();
        var first = inputs.FirstOrDefault() ?? new(null, null, false, false);
        var result = new Value(first.Dimensions, first.Length, data.Length > 0, data.Length > 0 && data.All(value => value.IsPooled));
        var axes = node.OpType is not ("Squeeze" or "Unsqueeze" or ['R', 'e', 'd', 'u', 'c', 'e', ..]) ? null
            : node.Attribute.FirstOrDefault(attribute => attribute.Name == "axes") is { } given ? given.Ints.ToArray()
            : node.Input.Count > 1 ? read(node.Input[1])?.Integers : null;
        switch (node.OpType)
        {
            case "Constant":
                return ValueOf(node.Output.FirstOrDefault() ?? "");
            case "Shape":
                return new(1, first.Dimensions, false, false);
            case "Size":
                return new(0, null, false, false);
            case "GlobalAveragePool" or "GlobalMaxPool":
                return result with { IsPooled = true };
            case "Flatten" or "Gemm":
                return result with { Dimensions = 2 };
            case "Reshape":
                return result with { Dimensions = inputs.ElementAtOrDefault(1)?.Length, Length = (first.Dimensions, inputs.ElementAtOrDefault(1)?.Length) is (1, 1) ? first.Length : null };
            case "ConstantOfShape":
                return result with { Dimensions = first.Length, Length = null };
            case "Expand":
                return result with { Dimensions = Largest(first.Dimensions, inputs.ElementAtOrDefault(1)?.Length), Length = null };
            case "Gather":
                return result with { Dimensions = first.Dimensions - 1 + inputs.ElementAtOrDefault(1)?.Dimensions, Length = inputs.ElementAtOrDefault(1)?.Length };
            case "Squeeze":
                return result with { Dimensions = first.Dimensions - axes?.Length, Length = null };
            case "Unsqueeze":
                return result with { Dimensions = first.Dimensions + axes?.Length, Length = first.Dimensions == 0 ? 1 : null };
            case "Concat":
                return result with { Length = inputs.Aggregate((int?)0, (sum, value) => sum + value.Length) };
            case "Slice" when first.Dimensions == 1:
                return result with { Length = null };
            case ['R', 'e', 'd', 'u', 'c', 'e', ..]:
                var keeps = node.Attribute.FirstOrDefault(attribute => attribute.Name == "keepdims") is not { HasI: true, I: 0 };
                var pools = axes is null || first.Dimensions - axes.Length < 3;
                return result with { Dimensions = keeps ? first.Dimensions : axes is null ? 0 : first.Dimensions - axes.Length, IsPooled = result.IsPooled || pools };
            case "Add" or "Sub" or "Mul" or "Div" or "Pow" or "MatMul" or "Where" or "Min" or "Max" or "Sum" or "Mean" or "Equal" or "And" or "Or":
                return result with { Dimensions = inputs.Select(value => value.Dimensions).Aggregate(Largest), Length = Broadcast(inputs) };
            default:
                return result;
        }
    }

    private Value ValueOf(string name) => values.TryGetValue(name, out var known) ? known
        : shapeOf(name) is { } shape ? new(shape.Length, shape is [< 100 and var length] ? (int)length : null, false, false)
        : new(null, null, false, false);

    private static int? Largest(int? a, int? b) => a is null || b is null ? null : Math.Max(a.Value, b.Value);

    // Sizes that are broadcast are equal or 1.
    private static int? Broadcast(IEnumerable<Value> lists)
    {
        int?[] lengths = [.. lists.Select(value => value.Dimensions == 0 ? 1 : value.Length)];
        return lengths.Max() is > 1 and var length ? length : lengths.Contains(null) ? null : 1;
    }

    /// <summary>What is known of a value.</summary>
    /// <param name="Dimensions">The number of its dimensions.</param>
    /// <param name="Length">If it has one dimension, its size.</param>
    /// <param name="IsData">Whether it is computed from the input, other than its sizes.</param>
    /// <param name="IsPooled">Whether it is computed from what is pooled over all positions alone.</param>
    private sealed record Value(int? Dimensions, int? Length, bool IsData, bool IsPooled);
}
