using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>Multi-head self-attention as ONNX operations.</summary>
internal static class OnnxAttention
{
    /// <summary>What each position attends to, before the output projection.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="tokens">The positions, <c>(batch, positions, width)</c>.</param>
    /// <param name="weight">The weights of query, key and value, <c>(3 · width, width)</c>.</param>
    /// <param name="bias">Their biases, <c>(3 · width)</c>.</param>
    /// <param name="heads">The number of heads.</param>
    /// <returns>The positions, <c>(batch, positions, width)</c>.</returns>
    public static OnnxValue Attend(OnnxGraph graph, OnnxValue tokens, Tensor weight, Tensor bias, long heads)
    {
        var (positions, width) = (tokens.Shape[1], tokens.Shape[2]);
        var size = width / heads;
        var joined = OnnxTorchLayers.Linear(graph, tokens, weight, bias);
        var split = graph.Node("Reshape", [joined, graph.Integers(0, 0, 3, heads, size)], [-1, positions, 3, heads, size]);

        // (3, batch, heads, positions, size): query, key, value.
        var qkv = graph.Node("Transpose", [split], [3, -1, heads, positions, size], attributes: [("perm", (long[])[2, 0, 3, 1, 4])]);
        OnnxValue Part(long index) => graph.Node("Gather", [qkv, graph.Constant(tensor(index), "index")], [-1, heads, positions, size], attributes: [("axis", 0L)]);
        var query = graph.Node("Mul", [Part(0), graph.Constant(tensor((float)(1 / Math.Sqrt(size))), "scale")], [-1, heads, positions, size]);
        var key = graph.Node("Transpose", [Part(1)], [-1, heads, size, positions], attributes: [("perm", (long[])[0, 1, 3, 2])]);
        var scores = graph.Node("MatMul", [query, key], [-1, heads, positions, positions]);
        var attention = graph.Node("Softmax", [scores], scores.Shape, attributes: [("axis", -1L)]);
        var attended = graph.Node("MatMul", [attention, Part(2)], [-1, heads, positions, size]);
        var together = graph.Node("Transpose", [attended], [-1, positions, heads, size], attributes: [("perm", (long[])[0, 2, 1, 3])]);
        return graph.Node("Reshape", [together, graph.Integers(0, 0, width)], tokens.Shape);
    }

    /// <summary>A map as a sequence of its pixels, <c>(batch, positions, channels)</c>; tokens as they are.</summary>
    public static OnnxValue Tokens(OnnxGraph graph, OnnxValue features)
    {
        if (features.Shape is not [_, var channels, var height, var width])
            return features;
        var positions = height > 0 && width > 0 ? height * width : -1;
        var flat = graph.Node("Reshape", [features, graph.Integers(0, 0, -1)], [-1, channels, positions]);
        return graph.Node("Transpose", [flat], [-1, positions, channels], attributes: [("perm", (long[])[0, 2, 1])]);
    }
}
