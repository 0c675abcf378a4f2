using TorchSharp;
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
        Identity or Dropout or Dropout1d or Dropout2d or Dropout3d or AlphaDropout or FeatureAlphaDropout => x,
        Linear linear => graph.Linear(x, linear.weight!, linear.bias),
        Embedding embedding => graph.Node("Gather", [graph.Constant(embedding.weight!), x], [.. x.Shape, embedding.weight!.shape[1]], ScalarType.Float32),
        Conv1d { padding: { } padding, padding_mode: PaddingModes.Zeros } conv => Convolve(conv, padding, graph, x),
        ConvTranspose1d or ConvTranspose2d => ConvolveTransposed((ConvolutionTranspose)layer, graph, x),
        BatchNorm norm when x.Shape.Count != 4 => Normalize(norm, graph, x),
        InstanceNorm { running_mean: null } norm => graph.Node(
            "InstanceNormalization",
            [x, graph.Constant(norm.weight ?? ones(x.Shape[1]), "weight"), graph.Constant(norm.bias ?? zeros(x.Shape[1]), "bias")],
            x.Shape,
            attributes: [("epsilon", norm.eps)]),
        LayerNorm norm => graph.Node(
            "LayerNormalization",
            [x, graph.Constant(norm.weight ?? ones(norm.normalized_shape), "weight"), graph.Constant(norm.bias ?? zeros(norm.normalized_shape), "bias")],
            x.Shape,
            attributes: [("axis", -(long)norm.normalized_shape.Length), ("epsilon", norm.eps)]),
        MaxPool1d pool => Pool("MaxPool", graph, x, [pool.kernel_size], [pool.stride ?? pool.kernel_size], [pool.padding ?? 0], [pool.dilation ?? 1], pool.ceil_mode),
        MaxPool2d pool => Pool("MaxPool", graph, x, pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode),

        // Without the flag, torch and ONNX count alike; with it, ONNX Runtime also counts what a last, incomplete window has outside the padding.
        AvgPool1d { ceil_mode: false } pool => Pool(
            "AveragePool", graph, x, [pool.kernel_size], [pool.stride ?? pool.kernel_size], [pool.padding ?? 0], null, false, pool.count_include_pad),
        AvgPool2d { divisor_override: null, ceil_mode: false } pool => Pool(
            "AveragePool", graph, x, pool.kernel_size, pool.stride, pool.padding, null, false, pool.count_include_pad),
        AdaptiveAvgPool1d { output_size: 1 } => ToOne("GlobalAveragePool", graph, x),
        AdaptiveAvgPool2d { output_size: var size } when size.All(length => length == 1) => ToOne("GlobalAveragePool", graph, x),
        AdaptiveMaxPool1d { output_size: 1 } => ToOne("GlobalMaxPool", graph, x),
        AdaptiveMaxPool2d { output_size: var size } when size.All(length => length == 1) => ToOne("GlobalMaxPool", graph, x),
        Flatten flatten => Flatten(flatten, graph, x),
        Unflatten unflatten => Unflatten(unflatten, graph, x),
        PixelShuffle shuffle when x.Shape.Count == 4 => Shuffle(shuffle.upscale_factor, graph, x),
        ReLU => graph.Elementwise("Relu", x),
        ReLU6 => graph.Elementwise("Clip", x, Number(graph, x, 0), Number(graph, x, 6)), // not Hardtanh, which TorchSharp 0.107 does not compute
        LeakyReLU relu => With("LeakyRelu", graph, x, ("alpha", relu.negative_slope)),
        PReLU relu => graph.Elementwise("PRelu", x, graph.Constant(
            relu.num_parameters == 1 ? relu.weight! : relu.weight!.view([-1, .. Enumerable.Repeat(1L, x.Shape.Count - 2)]), "slope")),
        ELU elu => With("Elu", graph, x, ("alpha", elu.alpha)),
        SELU => With("Selu", graph, x, ("alpha", 1.6732632423543772), ("gamma", 1.0507009873554805)),
        CELU celu => With("Celu", graph, x, ("alpha", celu.alpha)),
        GELU { approximate: GELU.Approximate.none } => Activate(graph, Activation.GELU, x),
        SiLU => Activate(graph, Activation.SiLU, x),
        Mish => graph.Elementwise("Mul", x, graph.Elementwise("Tanh", graph.Elementwise("Softplus", x))),
        Sigmoid => graph.Elementwise("Sigmoid", x),
        Hardsigmoid => With("HardSigmoid", graph, x, ("alpha", 1.0 / 6), ("beta", 0.5)),
        Hardswish => graph.Elementwise("HardSwish", x),
        Softplus { beta: 1 } => graph.Elementwise("Softplus", x),
        Softmax softmax => With("Softmax", graph, x, ("axis", softmax.dim)),
        LogSoftmax softmax => With("LogSoftmax", graph, x, ("axis", softmax.dim)),
        Tanh => graph.Elementwise("Tanh", x),
        _ => null,
    };

    /// <summary>Adds an activation.</summary>
    public static OnnxValue Activate(OnnxGraph graph, Activation kind, OnnxValue x) => kind switch
    {
        Activation.None => x,
        Activation.ReLU => graph.Elementwise("Relu", x),
        Activation.LeakyReLU => With("LeakyRelu", graph, x, ("alpha", 0.01)),

        // ONNX has GELU only since opset 20.
        Activation.GELU => graph.Elementwise(
            "Mul",
            graph.Elementwise("Mul", x, Number(graph, x, 0.5)),
            graph.Elementwise("Add", graph.Elementwise("Erf", graph.Elementwise("Mul", x, Number(graph, x, Math.Sqrt(0.5)))), Number(graph, x, 1))),
        Activation.SiLU => graph.Elementwise("Mul", x, graph.Elementwise("Sigmoid", x)),
        Activation.HardSwish => graph.Elementwise("HardSwish", x),
        Activation.Tanh => graph.Elementwise("Tanh", x),
        _ => throw new NotSupportedException($"{kind}"),
    };

    /// <summary>Batch normalisation of anything with channels in dimension 1.</summary>
    private static OnnxValue? Normalize(BatchNorm norm, OnnxGraph graph, OnnxValue x)
    {
        if (norm is not { running_mean: { } mean, running_var: { } variance })
            return null;
        return graph.Node(
            "BatchNormalization",
            [x, graph.Constant(norm.weight ?? ones_like(mean), "weight"), graph.Constant(norm.bias ?? zeros_like(mean), "bias"), graph.Constant(mean), graph.Constant(variance)],
            x.Shape,
            attributes: [("epsilon", norm.eps)]);
    }

    private static OnnxValue Convolve(Conv1d conv, long[] padding, OnnxGraph graph, OnnxValue x)
    {
        var length = x.Shape[2] < 0 ? -1 : (x.Shape[2] + 2 * padding[0] - conv.dilation[0] * (conv.kernel_size[0] - 1) - 1) / conv.stride[0] + 1;
        return graph.Node(
            "Conv",
            [x, graph.Constant(conv.weight), conv.bias is null ? null : graph.Constant(conv.bias)],
            [x.Shape[0], conv.out_channels, length],
            attributes:
            [
                ("kernel_shape", conv.kernel_size), ("strides", conv.stride), ("pads", (long[])[.. padding, .. padding]), ("dilations", conv.dilation), ("group", conv.groups),
            ]);
    }

    private static OnnxValue? ConvolveTransposed(ConvolutionTranspose conv, OnnxGraph graph, OnnxValue x)
    {
        if (conv is not { padding: { } padding, padding_mode: PaddingModes.Zeros })
            return null;
        var sizes = x.Shape.Skip(2).Select((size, i) => size < 0 ? -1
            : (size - 1) * conv.stride[i] - 2 * padding[i] + conv.dilation[i] * (conv.kernel_size[i] - 1) + conv.output_padding[i] + 1);
        return graph.Node(
            "ConvTranspose",
            [x, graph.Constant(conv.weight), conv.bias is null ? null : graph.Constant(conv.bias)],
            [x.Shape[0], conv.out_channels, .. sizes],
            attributes:
            [
                ("kernel_shape", conv.kernel_size), ("strides", conv.stride), ("pads", (long[])[.. padding, .. padding]), ("dilations", conv.dilation), ("group", conv.groups),
                ("output_padding", conv.output_padding),
            ]);
    }

    private static OnnxValue Pool(
        string operation, OnnxGraph graph, OnnxValue x, long[] size, long[]? stride, long[]? padding, long[]? dilation, bool ceiling, bool? countsPadding = null)
    {
        var count = x.Shape.Count - 2;
        (size, stride, padding, dilation) = (Each(size), Each(stride ?? size), Each(padding ?? [0]), Each(dilation ?? [1]));
        var sizes = x.Shape.Skip(2).Select((length, i) => length < 0 ? -1 : Pooled(length, i));
        var attributes = new List<(string, object)> { ("kernel_shape", size), ("strides", stride), ("pads", (long[])[.. padding, .. padding]), ("ceil_mode", ceiling ? 1L : 0L) };
        if (countsPadding is { } counts)
            attributes.Add(("count_include_pad", counts ? 1L : 0L));
        else
            attributes.Add(("dilations", dilation));
        return graph.Node(operation, [x], [x.Shape[0], x.Shape[1], .. sizes], attributes: attributes);

        long[] Each(long[] given) => given.Length == count ? given : [.. Enumerable.Repeat(given[0], count)];

        long Pooled(long length, int i)
        {
            var windows = (length + 2 * padding[i] - dilation[i] * (size[i] - 1) - 1 + (ceiling ? stride[i] - 1 : 0)) / stride[i] + 1;

            // A window that would begin beyond the map is left out.
            return ceiling && (windows - 1) * stride[i] >= length + padding[i] ? windows - 1 : windows;
        }
    }

    private static OnnxValue ToOne(string operation, OnnxGraph graph, OnnxValue x) =>
        graph.Node(operation, [x], [x.Shape[0], x.Shape[1], .. Enumerable.Repeat(1L, x.Shape.Count - 2)]);

    private static OnnxValue? Flatten(Flatten flatten, OnnxGraph graph, OnnxValue x)
    {
        var last = (int)(flatten.end_dim < 0 ? flatten.end_dim + x.Shape.Count : flatten.end_dim);
        if (flatten.start_dim < 1 || last < flatten.start_dim)
            return null;
        var start = (int)flatten.start_dim;
        if (x.Shape.Skip(1).Any(size => size < 0))
            throw graph.NeedsFixedSize("a layer that flattens");
        return graph.Reshape(x, [.. x.Shape.Take(start), x.Shape.Skip(start).Take(last - start + 1).Aggregate((product, size) => product * size), .. x.Shape.Skip(last + 1)]);
    }

    private static OnnxValue? Unflatten(Unflatten unflatten, OnnxGraph graph, OnnxValue x)
    {
        var dimension = (int)(unflatten.dim < 0 ? unflatten.dim + x.Shape.Count : unflatten.dim);
        var known = unflatten.unflattened_size.Where(size => size >= 0).Aggregate(1L, (product, size) => product * size);
        if (dimension == 0 || x.Shape.Skip(1).Any(size => size < 0))
            return null;
        return graph.Reshape(
            x, [.. x.Shape.Take(dimension), .. unflatten.unflattened_size.Select(size => size < 0 ? x.Shape[dimension] / known : size), .. x.Shape.Skip(dimension + 1)]);
    }

    private static OnnxValue Shuffle(long factor, OnnxGraph graph, OnnxValue x)
    {
        long Times(long size) => size < 0 ? -1 : size * factor;
        return graph.Node(
            "DepthToSpace",
            [x],
            [x.Shape[0], x.Shape[1] / (factor * factor), Times(x.Shape[2]), Times(x.Shape[3])],
            attributes: [("blocksize", factor), ("mode", "CRD")]);
    }

    private static OnnxValue With(string operation, OnnxGraph graph, OnnxValue x, params (string, object)[] attributes) =>
        graph.Node(operation, [x], x.Shape, attributes: attributes);

    private static OnnxValue Number(OnnxGraph graph, OnnxValue x, double value) => graph.Constant(tensor(value, x.Type!.Value), "number");
}
