using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>The layers of one input's path that are described for prediction (<see cref="IInferenceLayer"/>), as ONNX operations.</summary>
/// <param name="graph">The graph.</param>
/// <param name="parts">The layers that the input has for itself, by those that they replace or adapt.</param>
/// <param name="adaptersFollow">Whether adapters come after their convolutions, instead of beside them.</param>
internal sealed class OnnxLayers(OnnxGraph graph, IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts, bool adaptersFollow)
    : InferenceGraph(parts, adaptersFollow)
{
    /// <summary>Whether it runs a layer.</summary>
    public static bool Knows(nn.Module layer) => layer is IInferenceLayer or Conv2d or BatchNorm or GroupNorm;

    /// <summary>A map of the graph. Sizes that are not known stay -1, and what is computed from them means nothing.</summary>
    public static InferenceValue Of(OnnxValue map) => new(new MapShape(map.Shape[1], map.Shape[2], map.Shape[3])) { Name = map.Name };

    /// <summary>Runs a layer on a map.</summary>
    public OnnxValue RunMap(nn.Module layer, OnnxValue map)
    {
        var result = Run(layer, Of(map));
        var isFixed = map.Shape[2] > 0 && map.Shape[3] > 0;
        return new(result.Name!, map.Type, [-1, result.Shape.Channels, isFixed ? result.Shape.Height : -1, isFixed ? result.Shape.Width : -1]);
    }

    /// <inheritdoc/>
    public override InferenceValue Run(nn.Module layer, InferenceValue input) => graph.Within(layer, () => base.Run(layer, input));

    /// <inheritdoc/>
    public override InferenceValue Convolve(InferenceConvolution convolution)
    {
        var (weight, bias) = convolution.Origin switch
        {
            [Conv2d conv] => (conv.weight, conv.bias),
            [PointwiseConvolution conv] => (conv.Weight, conv.Bias),
            [Tensor own] => (own, null),
            [Tensor own, Tensor ownBias] => (own, ownBias),
            _ => (Single(convolution.Weight), Single(convolution.Bias)),
        };
        return Node("Conv", convolution.Result, [convolution.Input, Constant(weight, "weight"), bias is null ? null : Constant(bias, "bias")],
            ("kernel_shape", weight.shape[2..]),
            ("strides", convolution.Stride),
            ("pads", (long[])[.. convolution.Padding, .. convolution.Padding]),
            ("dilations", convolution.Dilation),
            ("group", convolution.Groups));
    }

    /// <inheritdoc/>
    public override InferenceValue Scale(InferenceValue x, Tensor factor, Tensor shift, object origin)
    {
        var scaled = Node("Mul", x.Shape, [x, Constant(Single(factor).view(1, -1, 1, 1), "factor")]);
        return !shift.any().ToBoolean() ? scaled : Node("Add", x.Shape, [scaled, Constant(Single(shift).view(1, -1, 1, 1), "shift")]);
    }

    /// <inheritdoc/>
    public override InferenceValue Activate(InferenceValue x, Activation kind) =>
        kind == Activation.None ? x : new(x.Shape) { Name = OnnxTorchLayers.Activate(graph, kind, Value(x)).Name };

    /// <inheritdoc/>
    public override InferenceValue Add(InferenceValue x, InferenceValue y) => Node("Add", x.Shape, [x, y]);

    /// <inheritdoc/>
    public override InferenceValue MaxPool(InferenceValue x, long size, long stride, long padding = 0, bool ceiling = false) =>
        Node("MaxPool", Pooled(x.Shape, size, stride, padding, ceiling), [x], Window(size, stride, padding, ceiling));

    /// <inheritdoc/>
    public override InferenceValue AveragePool(InferenceValue x, long size, long stride, bool ceiling) =>
        Node("AveragePool", Pooled(x.Shape, size, stride, 0, ceiling), [x], Window(size, stride, 0, ceiling));

    /// <inheritdoc/>
    public override InferenceValue Gate(InferenceValue x, Func<InferenceValue, InferenceValue> gate) =>
        Node("Mul", x.Shape, [x, gate(Node("GlobalAveragePool", new(x.Shape.Channels, 1, 1), [x]))]);

    /// <inheritdoc/>
    public override InferenceValue Sigmoid(InferenceValue x, bool hard) =>
        hard ? Node("HardSigmoid", x.Shape, [x], ("alpha", 1.0 / 6), ("beta", 0.5)) : Node("Sigmoid", x.Shape, [x]);

    /// <inheritdoc/>
    public override InferenceValue NormalizeChannels(InferenceValue x, Tensor weight, Tensor bias, double epsilon, object origin)
    {
        var positions = Node("Transpose", x.Shape, [x], ("perm", (long[])[0, 2, 3, 1]));
        var normalized = Node("LayerNormalization", x.Shape, [positions, Constant(weight, "weight"), Constant(bias, "bias")], ("axis", -1L), ("epsilon", epsilon));
        return Node("Transpose", x.Shape, [normalized], ("perm", (long[])[0, 3, 1, 2]));
    }

    /// <inheritdoc/>
    protected override InferenceValue Normalize(InferenceValue x, BatchNorm statistics, BatchNorm scaled)
    {
        InferenceValue Of(Tensor? value, double otherwise, string role) =>
            Constant(value ?? full(x.Shape.Channels, otherwise, ScalarType.Float32), role);
        return Node(
            "BatchNormalization",
            x.Shape,
            [x, Of(scaled.weight, 1, "weight"), Of(scaled.bias, 0, "bias"), Of(statistics.running_mean, 0, "mean"), Of(statistics.running_var, 1, "variance")],
            ("epsilon", statistics.eps));
    }

    /// <inheritdoc/>
    /// <remarks>Each group as one channel of an instance normalisation: ONNX has group normalisation only since opset 21.</remarks>
    protected override InferenceValue Normalize(InferenceValue x, GroupNorm norm)
    {
        var groups = Node("Reshape", x.Shape, [x, new(x.Shape) { Name = graph.Integers(0, norm.num_groups, -1).Name }]);
        var (one, zero) = (Constant(ones(norm.num_groups), "one"), Constant(zeros(norm.num_groups), "zero"));
        var normalized = Node("InstanceNormalization", x.Shape, [groups, one, zero], ("epsilon", norm.eps));
        var shape = new InferenceValue(x.Shape) { Name = graph.Node("Shape", [Value(x)], [4], ScalarType.Int64).Name };
        return Scale(Node("Reshape", x.Shape, [normalized, shape]), norm.weight!, norm.bias!, norm);
    }

    private static Tensor Single(Tensor values) => values.to(ScalarType.Float32);

    private static (string, object)[] Window(long size, long stride, long padding, bool ceiling) =>
    [
        ("kernel_shape", (long[])[size, size]), ("strides", (long[])[stride, stride]),
        ("pads", (long[])[padding, padding, padding, padding]), ("ceil_mode", ceiling ? 1L : 0L),
    ];

    private static OnnxValue Value(InferenceValue x) => new(x.Name!, ScalarType.Float32, [-1, x.Shape.Channels, x.Shape.Height, x.Shape.Width]);

    private InferenceValue Constant(Tensor value, string role) => new(new MapShape(1, 1, 1)) { Name = graph.Constant(value, role).Name };

    private InferenceValue Node(string operation, MapShape shape, InferenceValue?[] inputs, params (string, object)[] attributes) => new(shape)
    {
        Name = graph.Node(operation, [.. inputs.Select(input => input is null ? null : Value(input))], [-1, shape.Channels, shape.Height, shape.Width], ScalarType.Float32, attributes).Name,
    };
}
