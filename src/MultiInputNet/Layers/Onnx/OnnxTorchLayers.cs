using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>TorchSharp's own layers as ONNX operations, apart from those on maps of which inputs may have their own.</summary>
internal static class OnnxTorchLayers
{
    /// <summary>Adds a layer's nodes; null if the layer is not known.</summary>
    public static OnnxValue? Export(nn.Module layer, OnnxGraph graph, OnnxValue x) => layer switch
    {
        Sequential layers => layers.children().Aggregate(x, (value, child) => graph.Run(child, value)),
        Identity or Dropout or Dropout1d or Dropout2d => x,
        Linear linear => Linear(graph, x, linear.weight!, linear.bias),
        Conv1d conv => Convolve(conv, graph, x),
        Embedding { weight: { } weight } => graph.Node("Gather", [graph.Constant(weight), x], [.. x.Shape, weight.shape[1]], attributes: [("axis", 0L)]),
        ReLU => Activate(graph, Activation.ReLU, x),
        GELU => Activate(graph, Activation.GELU, x),
        SiLU => Activate(graph, Activation.SiLU, x),
        Tanh => Activate(graph, Activation.Tanh, x),
        LayerNorm { weight: { } weight, bias: { } bias } norm => graph.Node(
            "LayerNormalization", [x, graph.Constant(weight), graph.Constant(bias)], x.Shape, attributes: [("axis", -weight.dim()), ("epsilon", norm.eps)]),
        _ => null,
    };

    /// <summary>Adds an activation.</summary>
    public static OnnxValue Activate(OnnxGraph graph, Activation kind, OnnxValue x)
    {
        OnnxValue Node(string operation, OnnxValue[] inputs, params (string, object)[] attributes) => graph.Node(operation, inputs, x.Shape, attributes: attributes);
        return kind switch
        {
            Activation.None => x,
            Activation.ReLU => Node("Relu", [x]),
            Activation.LeakyReLU => Node("LeakyRelu", [x], ("alpha", 0.01)),

            // ONNX has GELU only since opset 20.
            Activation.GELU => Node("Mul", [
                Node("Mul", [x, Number(0.5)]),
                Node("Add", [Node("Erf", [Node("Mul", [x, Number(Math.Sqrt(0.5))])]), Number(1)])]),
            Activation.SiLU => Node("Mul", [x, Node("Sigmoid", [x])]),
            Activation.HardSwish => Node("HardSwish", [x]),
            Activation.Tanh => Node("Tanh", [x]),
            _ => throw new NotSupportedException($"{kind}"),
        };

        OnnxValue Number(double value) => graph.Constant(tensor(value, x.Type!.Value), "number");
    }

    /// <summary>Adds a linear layer over the last dimension.</summary>
    public static OnnxValue Linear(OnnxGraph graph, OnnxValue x, Tensor weight, Tensor? bias)
    {
        var (factor, added) = (graph.Constant(weight), bias is null ? null : graph.Constant(bias));
        long[] shape = [.. x.Shape.SkipLast(1), weight.shape[0]];
        if (x.Shape.Count == 2)
            return graph.Node("Gemm", added is null ? [x, factor] : [x, factor, added], shape, attributes: [("transB", 1L)]);
        var product = graph.Node("MatMul", [x, graph.Node("Transpose", [factor], [weight.shape[1], weight.shape[0]])], shape);
        return added is null ? product : graph.Node("Add", [product, added], shape);
    }

    private static OnnxValue Convolve(Conv1d conv, OnnxGraph graph, OnnxValue x)
    {
        if (conv.padding is not [var padding] || conv.padding_mode != TorchSharp.PaddingModes.Zeros)
            throw new NotSupportedException(conv.GetName());
        var length = x.Shape[2] < 0 ? -1 : (x.Shape[2] + 2 * padding - conv.dilation[0] * (conv.kernel_size[0] - 1) - 1) / conv.stride[0] + 1;
        var weight = graph.Constant(conv.weight);
        return graph.Node(
            "Conv",
            conv.bias is null ? [x, weight] : [x, weight, graph.Constant(conv.bias)],
            [-1, conv.out_channels, length],
            attributes:
            [
                ("kernel_shape", (long[])[conv.kernel_size[0]]), ("strides", (long[])[conv.stride[0]]), ("pads", (long[])[padding, padding]),
                ("dilations", (long[])[conv.dilation[0]]), ("group", conv.groups),
            ]);
    }
}
