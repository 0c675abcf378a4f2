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
        Linear linear => Export(linear, graph, x),
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

    private static OnnxValue Export(Linear linear, OnnxGraph graph, OnnxValue x)
    {
        var weight = graph.Constant(linear.weight!);
        var bias = linear.bias is null ? null : graph.Constant(linear.bias);
        if (x.Shape.Count == 2)
            return graph.Node("Gemm", [x, weight, .. bias is null ? (OnnxValue?[])[] : [bias]], [x.Shape[0], linear.out_features], attributes: [("transB", 1L)]);
        long[] shape = [.. x.Shape.SkipLast(1), linear.out_features];
        var product = graph.Node("MatMul", [x, graph.Node("Transpose", [weight], [weight.Shape[1], weight.Shape[0]])], shape);
        return bias is null ? product : graph.Node("Add", [product, bias], shape);
    }
}
