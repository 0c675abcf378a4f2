using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>Operations that several modules are made of.</summary>
internal static class OnnxOperations
{
    /// <summary>An operation whose result has the shape of its first input.</summary>
    public static OnnxValue Elementwise(this OnnxGraph graph, string operation, params IReadOnlyList<OnnxValue> inputs) =>
        graph.Node(operation, inputs, inputs[0].Shape);

    /// <summary>Another shape; -1 first keeps the number of samples, and may stand for one size that follows from the others.</summary>
    public static OnnxValue Reshape(this OnnxGraph graph, OnnxValue x, params long[] shape) =>
        graph.Node("Reshape", [x, graph.Integers([shape[0] == -1 ? 0 : shape[0], .. shape[1..]])], shape);

    /// <summary>Another order of the dimensions.</summary>
    public static OnnxValue Transpose(this OnnxGraph graph, OnnxValue x, params long[] order) =>
        graph.Node("Transpose", [x], [.. order.Select(dimension => x.Shape[(int)dimension])], attributes: [("perm", order)]);

    /// <summary>Values one after another along a dimension; the first itself if there are no others.</summary>
    public static OnnxValue Join(this OnnxGraph graph, IReadOnlyList<OnnxValue> values, int dimension)
    {
        if (values is [var only])
            return only;
        long[] shape = [.. values[0].Shape];
        shape[dimension] = values.Any(value => value.Shape[dimension] < 0) ? -1 : values.Sum(value => value.Shape[dimension]);
        return graph.Node("Concat", values, shape, attributes: [("axis", (long)dimension)]);
    }

    /// <summary>Some of the entries along dimension 1.</summary>
    public static OnnxValue Narrow(this OnnxGraph graph, OnnxValue x, long start, long end) =>
        graph.Node("Slice", [x, graph.Integers(start), graph.Integers(end), graph.Integers(1)], [x.Shape[0], end - start, .. x.Shape.Skip(2)]);

    /// <summary>The column with an index, or the columns with several, of a table.</summary>
    public static OnnxValue Columns(this OnnxGraph graph, OnnxValue table, OnnxValue index) =>
        graph.Node("Gather", [table, index], [table.Shape[0], .. index.Shape], attributes: [("axis", 1L)]);

    /// <summary>A map as tokens, one per position. Shapes: <c>(batch, channels, height, width)</c> in, <c>(batch, positions, channels)</c> out.</summary>
    public static OnnxValue Tokens(this OnnxGraph graph, OnnxValue map) =>
        graph.Transpose(graph.Reshape(map, -1, map.Shape[1], map.Shape[2] < 0 || map.Shape[3] < 0 ? -1 : map.Shape[2] * map.Shape[3]), 0, 2, 1);

    /// <summary>A linear layer of the last dimension.</summary>
    public static OnnxValue Linear(this OnnxGraph graph, OnnxValue x, Tensor weight, Tensor? bias)
    {
        OnnxValue[] added = bias is null ? [] : [graph.Constant(bias)];
        if (x.Shape.Count == 2)
            return graph.Node("Gemm", [x, graph.Constant(weight), .. added], [x.Shape[0], weight.shape[0]], attributes: [("transB", 1L)]);
        long[] shape = [.. x.Shape.SkipLast(1), weight.shape[0]];
        var product = graph.Node("MatMul", [x, graph.Transpose(graph.Constant(weight), 1, 0)], shape);
        return added is [var shift] ? graph.Elementwise("Add", product, shift) : product;
    }

    /// <summary>Multi-head self-attention, with the projections of queries, keys and values in one matrix.</summary>
    /// <returns>Before the output projection, <c>(batch, heads, tokens, width / heads)</c>.</returns>
    public static OnnxValue Attend(this OnnxGraph graph, OnnxValue tokens, Tensor weight, Tensor bias, long heads)
    {
        var (batch, count, width) = (tokens.Shape[0], tokens.Shape[1], tokens.Shape[2] / heads);
        var all = graph.Node("Reshape", [graph.Linear(tokens, weight, bias), graph.Integers(0, 0, 3, heads, width)], [batch, count, 3, heads, width]);
        OnnxValue Part(long index, params long[] order)
        {
            var part = graph.Node("Gather", [all, graph.Constant(tensor(index), "part")], [batch, count, heads, width], attributes: [("axis", 2L)]);
            return graph.Transpose(part, order);
        }

        var queries = graph.Elementwise("Mul", Part(0, 0, 2, 1, 3), graph.Constant(tensor((float)(1 / Math.Sqrt(width))), "scale"));
        var scores = graph.Node("MatMul", [queries, Part(1, 0, 2, 3, 1)], [batch, heads, count, count]);
        var attention = graph.Node("Softmax", [scores], scores.Shape, attributes: [("axis", -1L)]);
        return graph.Node("MatMul", [attention, Part(2, 0, 2, 1, 3)], [batch, heads, count, width]);
    }
}
