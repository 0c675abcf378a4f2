using MultiInputNet.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Adds the nodes of a graph to one of ONNX: each as itself, in the form of the exported version of ONNX's operations.</summary>
/// <param name="graph">The graph of ONNX.</param>
/// <param name="nodes">The nodes.</param>
internal sealed class GraphExport(OnnxGraph graph, IReadOnlyList<GraphNode> nodes)
{
    /// <summary>Adds a node.</summary>
    /// <param name="node">The node.</param>
    /// <param name="weights">Its module, if it has weights, or the weight that it is.</param>
    /// <param name="inputs">What it takes.</param>
    public OnnxValue Add(GraphNode node, object? weights, OnnxValue[] inputs)
    {
        var call = new GraphCall(node, []);
        var operation = GraphOperations.All[node.Operation];
        if (weights is Tensor value)
            return graph.Constant(value);
        if (weights is nn.Module module)
            return AddLayer(call, module, inputs[0]);
        switch (node.Operation)
        {
            case "Constant":
                return graph.Constant(tensor([.. call.Numbers("value")], call.Shape, GraphOperations.ElementType(call.Integer("type"))));
            case "ConstantOfShape":
                return graph.Node("Expand", [Number(call.Number("value"), GraphOperations.ElementType(call.Integer("type"))), inputs[0]], []);
            case "Clip":
                return graph.Node("Clip", [inputs[0], Number(call.Number("min")), Number(call.Number("max"))], []);
            case "Gelu" when !call.Flag("approximate"):
                return OnnxTorchLayers.Activate(graph, Activation.GELU, inputs[0]);
            case "Mish":
                return graph.Node("Mul", [inputs[0], graph.Node("Tanh", [graph.Node("Softplus", inputs, [])], [])], []);
            case "Swish":
                return graph.Node("Mul", [inputs[0], graph.Node("Sigmoid", [graph.Node("Mul", [inputs[0], Number(call.Number("alpha"))], [])], [])], []);
            case "Gelu":
            case "Pad" when inputs.Length > 3:
                throw new NotSupportedException(node.Operation);
        }

        var attributes = operation.Attributes.Where(attribute => node.Attributes?.ContainsKey(attribute.Name) == true)
            .Select(attribute => (attribute.Name, Value(attribute, node.Attributes![attribute.Name]))).ToList();
        if (node.Operation.StartsWith("Reduce", StringComparison.Ordinal) && node.Operation != "ReduceSum" && inputs.Length > 1)
        {
            // Until version 18 of ONNX's operations, the axes of all others are an attribute.
            var axes = nodes.FirstOrDefault(other => other.Name == node.Inputs[1] && other.Operation == "Constant") ?? throw new NotSupportedException(node.Operation);
            attributes.RemoveAll(attribute => attribute.Name == "noop_with_empty_axes");
            attributes.Add(("axes", new GraphCall(axes, []).Integers("value")));
            inputs = inputs[..1];
        }

        var type = node.Operation switch
        {
            "Shape" or "Size" => ScalarType.Int64,
            "Equal" or "Greater" or "GreaterOrEqual" or "Less" or "LessOrEqual" => ScalarType.Bool,
            "Cast" => GraphOperations.ElementType(call.Integer("to")),
            "Where" => inputs[1].Type,
            _ => inputs[0].Type,
        };
        return graph.Node(node.Operation, inputs, [], type, attributes);
    }

    private OnnxValue AddLayer(GraphCall call, nn.Module module, OnnxValue x)
    {
        switch (module)
        {
            case Conv2d conv:
                x = x.Shape.Count == 4 ? x : x.As(-1, conv.in_channels, -1, -1);
                return graph.Run(conv, GraphWindow.FindEvenPadding(call) is not null ? x : Pad(call, x));
            case GroupNorm norm when norm.num_groups == call.Shape[0]:
                return graph.Node(
                    "InstanceNormalization", [x, graph.Constant(norm.weight!), graph.Constant(norm.bias!)], [], attributes: [("epsilon", norm.eps)]);
            case BatchNorm or GroupNorm:
                return graph.Run(module, x.As(-1, call.Shape[0], -1, -1));
            case Linear linear:
                var product = graph.Node("MatMul", [x, graph.Node("Transpose", [graph.Constant(linear.weight!)], [])], []);
                return linear.bias is null ? product : graph.Node("Add", [product, graph.Constant(linear.bias)], []);
            case PReLU slopes:
                return graph.Node("PRelu", [x, graph.Constant(slopes.weight.numel() == 1 ? slopes.weight : slopes.weight.view(-1, 1, 1))], []);
            default:
                return graph.Run(module, x);
        }
    }

    /// <summary>Pads a map for a convolution whose padding differs between its sides.</summary>
    private OnnxValue Pad(GraphCall call, OnnxValue x)
    {
        var pads = call.Integers("pads");
        if (call.Integer("auto_pad") is not 0)
        {
            // With larger strides, the padding depends on the map's size.
            if (call.Integers("strides").Any(stride => stride > 1))
                throw new NotSupportedException("Conv");
            var (rows, columns) = (GraphWindow.Of(call, 0, 1, call.Shape[2]), GraphWindow.Of(call, 1, 1, call.Shape[3]));
            pads = [rows.Before, columns.Before, rows.After, columns.After];
        }

        return graph.Node("Pad", [x, graph.Integers(0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3])], [-1, x.Shape[1], -1, -1]);
    }

    private OnnxValue Number(double value, ScalarType type = ScalarType.Float32) => graph.Constant(tensor((float)value).to_type(type), "number");

    private static object Value(GraphAttribute attribute, IReadOnlyList<double> numbers) => attribute.Name switch
    {
        "auto_pad" => numbers[0] switch { 0 => "NOTSET", 1 => "SAME_UPPER", _ => "SAME_LOWER" },
        "mode" => numbers[0] switch { 0 => "constant", 1 => "reflect", _ => "edge" },
        _ when attribute.Count == (1, 1) => attribute.IsWhole ? (object)(long)numbers[0] : numbers[0],
        _ => attribute.IsWhole ? (object)numbers.Select(number => (long)number).ToArray() : numbers.ToArray(),
    };
}
