using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The operations of graphs. They have ONNX's names and meaning, in the form of its newest version, with these simplifications: each has one
/// result; weights and their shapes belong to their node; <c>Linear</c> is a product with a weight, and <c>Parameter</c>, <c>Buffer</c> and
/// <c>Constant</c> are values.
/// </summary>
internal static class GraphOperations
{
    // ONNX's numbers of the element types that graphs have.
    public const int Float = 1;
    public const int Int64 = 7;
    public const int Bool = 9;

    // The largest number in single precision.
    private const double Any = 3.4028235e38;
    private const long AnySize = int.MaxValue;
    private const int LargestConstant = 100_000;
    private const int MostDimensions = 8;

    private static readonly GraphAttribute epsilon = Real("epsilon", 0, 1, 1e-5);

    /// <summary>All of them by name.</summary>
    public static IReadOnlyDictionary<string, GraphOperation> All { get; } = new OrderedDictionary<string, GraphOperation>
    {
        // Values.
        ["Parameter"] = new(0, 0) { WeightDimensions = (0, MostDimensions) },
        ["Buffer"] = new(0, 0) { WeightDimensions = (0, MostDimensions) },
        ["Constant"] = new(0, 0)
        {
            WeightDimensions = (0, MostDimensions),
            Attributes = [Real("value", -Any, Any) with { Count = (0, LargestConstant) }, new("type", Float, Bool, [Float])],
            Check = call => call.Integer("type") is not (Float or Int64 or Bool) ? $"has values of type {call.Integer("type")}"
                : call.Shape.Aggregate(1.0, (product, size) => product * size) != call.Numbers("value").Count ? $"has {call.Numbers("value").Count:N0} values for a shape of {Shapes.Text(call.Shape)}"
                : null,
            Run = call => tensor([.. call.Numbers("value")], call.Shape, ElementType(call.Integer("type"))),
            Foresee = call => call.Numbers("value").Count,
        },

        // Layers with weights.
        ["Conv"] = new(1, 1)
        {
            WeightDimensions = (4, 4),
            Attributes = [.. GraphWindow.Attributes, new("group", 1, Limits.LargestSize, [1]), Flag("bias")],
            Check = call => call.Shape.Any(size => size is < 1 or > Limits.LargestSize) || call.Shape[0] % call.Integer("group") != 0
                ? $"has a weight of shape {Shapes.Text(call.Shape)} for {call.Integer("group")} groups" : null,
            Module = MakeConvolution,
        },
        ["BatchNormalization"] = new(1, 1)
        {
            WeightDimensions = (1, 1),
            Attributes = [epsilon, Real("momentum", 0, 1, 0.9)],
            Check = HasChannels,
            Module = call => new BatchNormalization(call.Shape[0], call.Number("epsilon"), 1 - call.Number("momentum")),
        },
        ["LayerNormalization"] = new(1, 1)
        {
            WeightDimensions = (1, 3),
            Attributes = [epsilon],
            Check = HasChannels,
            Module = call => nn.LayerNorm(call.Shape, call.Number("epsilon")),
        },
        ["GroupNormalization"] = new(1, 1)
        {
            WeightDimensions = (1, 1),
            Attributes = [epsilon, new("num_groups", 1, Limits.LargestSize, null)],
            Check = call => HasChannels(call) ?? (call.Shape[0] % call.Integer("num_groups") == 0 ? null : $"has {call.Integer("num_groups")} groups for {call.Shape[0]} channels"),
            Module = MakeGroupNormalization,
        },
        ["Linear"] = new(1, 1)
        {
            WeightDimensions = (2, 2),
            Attributes = [Flag("bias")],
            Check = HasChannels,
            Module = call => nn.Linear(call.Shape[1], call.Shape[0], call.Flag("bias")),
        },
        ["PRelu"] = new(1, 1) { WeightDimensions = (1, 1), Check = HasChannels, Module = call => nn.PReLU(call.Shape[0]) },

        // Of one value each.
        ["Identity"] = Unary(x => x),
        ["Relu"] = Unary(x => x.relu()),
        ["LeakyRelu"] = Unary((x, call) => nn.functional.leaky_relu(x, call.Number("alpha")), Real("alpha", -Any, Any, 0.01)),
        ["Elu"] = Unary((x, call) => nn.functional.elu(x, call.Number("alpha")), Real("alpha", -Any, Any, 1)),
        ["Selu"] = Unary((x, call) => where(x > 0, x, call.Number("alpha") * x.expm1()) * call.Number("gamma"), Real("alpha", -Any, Any, 1.6732632423543772), Real("gamma", -Any, Any, 1.0507009873554805)),
        ["Sigmoid"] = Unary(x => x.sigmoid()),
        ["HardSigmoid"] = Unary((x, call) => (x * call.Number("alpha") + call.Number("beta")).clamp(0, 1), Real("alpha", -Any, Any, 0.2), Real("beta", -Any, Any, 0.5)),
        ["HardSwish"] = Unary(x => nn.functional.hardswish(x)),
        ["Swish"] = Unary((x, call) => x * (x * call.Number("alpha")).sigmoid(), Real("alpha", -Any, Any, 1)),
        ["Mish"] = Unary(x => nn.functional.mish(x)),
        ["Gelu"] = Unary((x, call) => nn.functional.gelu(x, call.Flag("approximate") ? TorchSharp.Modules.GELU.Approximate.tanh : TorchSharp.Modules.GELU.Approximate.none), Flag("approximate")),
        ["Tanh"] = Unary(x => x.tanh()),
        ["Softplus"] = Unary(x => nn.functional.softplus(x)),
        ["Softsign"] = Unary(x => nn.functional.softsign(x)),
        ["Erf"] = Unary(x => x.erf()),
        ["Exp"] = Unary(x => x.exp()),
        ["Log"] = Unary(x => x.log()),
        ["Sqrt"] = Unary(x => x.sqrt()),
        ["Reciprocal"] = Unary(x => x.reciprocal()),
        ["Neg"] = Unary(x => -x),
        ["Abs"] = Unary(x => x.abs()),
        ["Sign"] = Unary(x => x.sign()),
        ["Floor"] = Unary(x => x.floor()),
        ["Ceil"] = Unary(x => x.ceil()),
        ["Round"] = Unary(x => x.round()),
        ["Sin"] = Unary(x => x.sin()),
        ["Cos"] = Unary(x => x.cos()),
        ["Not"] = Unary(x => x.logical_not()),
        ["Clip"] = Unary((x, call) => x.clamp((float)call.Number("min"), (float)call.Number("max")), Real("min", -Any, Any, -Any), Real("max", -Any, Any, Any)),
        ["Cast"] = Unary((x, call) => call.Integer("to") == Float && x.is_floating_point() ? x : x.to_type(ElementType(call.Integer("to"))), new GraphAttribute("to", Float, Bool, null)),

        // Of two values each, broadcast as in NumPy.
        ["Add"] = Binary((a, b) => a + b),
        ["Sub"] = Binary((a, b) => a - b),
        ["Mul"] = Binary((a, b) => a * b),
        ["Div"] = Binary((a, b) => a.is_floating_point() || b.is_floating_point() ? a / b : a.div(b, RoundingMode.trunc)),
        ["Pow"] = Binary((a, b) => a.pow(b)),
        ["Mod"] = Binary((a, b) => a.remainder(b)),
        ["Min"] = Binary((a, b) => a.minimum(b)),
        ["Max"] = Binary((a, b) => a.maximum(b)),
        ["Equal"] = Binary((a, b) => a.eq(b)),
        ["Greater"] = Binary((a, b) => a.gt(b)),
        ["GreaterOrEqual"] = Binary((a, b) => a.ge(b)),
        ["Less"] = Binary((a, b) => a.lt(b)),
        ["LessOrEqual"] = Binary((a, b) => a.le(b)),
        ["And"] = Binary((a, b) => a.logical_and(b)),
        ["Or"] = Binary((a, b) => a.logical_or(b)),
        ["Where"] = new(3, 3)
        {
            Run = call =>
            {
                var all = Alike(call);
                return where(all[0], all[1], all[2]);
            },
        },
        ["MatMul"] = Binary(Multiply) with { Foresee = ForeseeProduct },

        // Of several values.
        ["Softmax"] = new(1, 1) { Attributes = [Axis("axis", -1)], Run = call => call.X.softmax(call.Axis("axis", call.X.dim())) },
        ["LogSoftmax"] = new(1, 1) { Attributes = [Axis("axis", -1)], Run = call => call.X.log_softmax(call.Axis("axis", call.X.dim())) },
        ["LRN"] = new(1, 1)
        {
            Attributes = [new("size", 1, Limits.LargestSize, null), Real("alpha", -Any, Any, 0.0001), Real("beta", -Any, Any, 0.75), Real("bias", -Any, Any, 1)],
            Check = call => call.Integer("size") % 2 == 1 ? null : $"has a size of {call.Integer("size")}, which is even",
            Run = call => nn.functional.local_response_norm(call.X, call.Integer("size"), call.Number("alpha"), call.Number("beta"), call.Number("bias")),
        },
        ["MaxPool"] = new(1, 1) { Attributes = [Kernel(), .. GraphWindow.Attributes, Flag("ceil_mode")], Run = PoolMaximum, Foresee = ForeseePooling },
        ["AveragePool"] = new(1, 1)
        {
            Attributes = [Kernel(), .. GraphWindow.Attributes, Flag("ceil_mode"), Flag("count_include_pad")],
            Check = call => call.Integers("dilations").All(dilation => dilation == 1) ? null : "has dilations",
            Run = PoolAverage,
            Foresee = call => 2 * ForeseePooling(call),
        },
        ["GlobalAveragePool"] = new(1, 1) { Run = call => call.X.mean(Positions(call.X), keepdim: true) },
        ["GlobalMaxPool"] = new(1, 1) { Run = call => call.X.amax(Positions(call.X), keepdim: true) },
        ["ReduceMean"] = Reduction((x, axes, keep) => x.mean(axes, keep)),
        ["ReduceSum"] = Reduction((x, axes, keep) => x.sum(axes, keep)),
        ["ReduceMax"] = Reduction((x, axes, keep) => x.amax(axes, keep)),
        ["ReduceMin"] = Reduction((x, axes, keep) => x.amin(axes, keep)),
        ["ReduceProd"] = Reduction((x, axes, keep) => axes.OrderDescending().Aggregate(x, (result, axis) => result.prod(axis, keep))),
        ["ReduceL1"] = Reduction((x, axes, keep) => x.abs().sum(axes, keep)),
        ["ReduceL2"] = Reduction((x, axes, keep) => x.square().sum(axes, keep).sqrt()),
        ["ReduceSumSquare"] = Reduction((x, axes, keep) => x.square().sum(axes, keep)),

        // Of shapes.
        ["Shape"] = new(1, 1)
        {
            Attributes = [Axis("start", 0), new("end", -AnySize, AnySize, [AnySize])],
            Run = call => tensor(Range(call.X.shape, call.Integer("start"), call.Integer("end")), ScalarType.Int64),
            Foresee = _ => MostDimensions,
        },
        ["Size"] = new(1, 1) { Run = call => tensor(call.X.numel(), ScalarType.Int64), Foresee = _ => 1 },
        ["Reshape"] = new(2, 2) { Attributes = [Flag("allowzero")], Run = call => call.X.reshape(NewShape(call)), Foresee = First },
        ["Flatten"] = new(1, 1) { Attributes = [Axis("axis", 1)], Run = Flatten },
        ["Squeeze"] = new(1, 2) { Run = Squeeze, Foresee = First },
        ["Unsqueeze"] = new(2, 2) { Run = Unsqueeze, Foresee = First },
        ["Transpose"] = new(1, 1)
        {
            Attributes = [new("perm", 0, MostDimensions, []) { Count = (0, MostDimensions) }],
            Run = call => call.X.permute(call.Integers("perm") is { Length: > 0 } order ? order : [.. Enumerable.Range(0, (int)call.X.dim()).Reverse().Select(axis => (long)axis)]),
        },
        ["Concat"] = new(1, 1_000)
        {
            Attributes = [Axis("axis", null)],
            Run = call => cat(Alike(call), call.Axis("axis", call.X.dim())),
            Foresee = call => call.Inputs.Sum(input => (double)input.numel()),
        },
        ["Slice"] = new(3, 5) { Run = Slice, Foresee = First },
        ["Pad"] = new(2, 4) { Attributes = [new("mode", 0, 2, [0])], Run = Pad, Foresee = ForeseePadding },
        ["Expand"] = new(2, 2) { Run = call => call.X.expand(ExpandedShape(call)), Foresee = call => Product(ExpandedShape(call)) },
        ["Tile"] = new(2, 2) { Run = call => call.X.repeat(call.Sizes(1)!), Foresee = call => call.X.numel() * Product(call.Sizes(1)!) },
        ["Gather"] = new(2, 2) { Attributes = [Axis("axis", 0)], Run = Gather, Foresee = ForeseeGathering },
        ["ConstantOfShape"] = new(1, 1)
        {
            Attributes = [Real("value", -Any, Any, 0), new("type", Float, Bool, [Float])],
            Run = call => full(call.Sizes(0)!, (float)call.Number("value"), ElementType(call.Integer("type"))),
            Foresee = call => Product(call.Sizes(0)!),
        },
        ["Range"] = new(3, 3) { Run = Range, Foresee = ForeseeRange },
    };

    private static GraphAttribute Real(string name, double lowest, double highest, double? otherwise = null) =>
        new(name, lowest, highest, otherwise is { } value ? [value] : null) { IsWhole = false };

    private static GraphAttribute Flag(string name) => new(name, 0, 1, [0]);

    private static GraphAttribute Axis(string name, double? otherwise) => new(name, -MostDimensions, MostDimensions, otherwise is { } value ? [value] : null);

    private static GraphAttribute Kernel() => new("kernel_shape", 1, Limits.LargestSize, null) { Count = (2, 2) };

    private static GraphOperation Unary(Func<Tensor, Tensor> run) => Unary((x, _) => run(x));

    private static GraphOperation Unary(Func<Tensor, GraphCall, Tensor> run, params IReadOnlyList<GraphAttribute> attributes) =>
        new(1, 1) { Attributes = attributes, Run = call => run(call.X, call) };

    /// <summary>A matrix product. TorchSharp 0.107 lets the process end where libtorch refuses one.</summary>
    private static Tensor Multiply(Tensor a, Tensor b)
    {
        long Size(Tensor x, int fromEnd) => fromEnd <= x.dim() ? x.shape[^fromEnd] : 1;
        var fits = a.dim() > 0 && b.dim() > 0 && Size(a, 1) == Size(b, Math.Min(2, (int)b.dim())) && a.dtype == b.dtype && a.dtype != ScalarType.Bool
            && Enumerable.Range(3, (int)Math.Max(0, Math.Max(a.dim(), b.dim()) - 2)).All(i => Size(a, i) == Size(b, i) || Size(a, i) == 1 || Size(b, i) == 1);
        return fits ? a.matmul(b) : throw new ArgumentException(
            $"it multiplies {a.dtype} of shape {Shapes.Text(a.shape)} by {b.dtype} of shape {Shapes.Text(b.shape)}");
    }

    private static GraphOperation Binary(Func<Tensor, Tensor, Tensor> run) =>
        new(2, 2)
        {
            Run = call =>
            {
                var both = Alike(call);
                return run(both[0], both[1]);
            },
        };

    private static GraphOperation Reduction(Func<Tensor, long[], bool, Tensor> run) => new(1, 2)
    {
        Attributes = [new("keepdims", 0, 1, [1]), Flag("noop_with_empty_axes")],
        Run = call =>
        {
            var (x, axes) = (call.X, call.Sizes(1) ?? []);
            if (axes.Length == 0 && call.Flag("noop_with_empty_axes"))
                return x;
            long[] all = axes.Length == 0 ? [.. Enumerable.Range(0, (int)x.dim()).Select(axis => (long)axis)] : [.. axes.Select(axis => GraphCall.Axis(axis, x.dim()))];
            return run(x, all, call.Flag("keepdims"));
        },
        Foresee = First,
    };

    /// <summary>
    /// The inputs, all on the device of the largest, and in its precision: constants are on the CPU and in single precision, wherever and
    /// whatever the maps are.
    /// </summary>
    private static Tensor[] Alike(GraphCall call)
    {
        var main = call.Inputs.MaxBy(input => (input.is_floating_point(), input.numel()))!;
        return [.. call.Inputs.Select(input => input.is_floating_point() && main.is_floating_point() ? input.to(main.dtype, main.device) : input.to(main.device))];
    }

    private static double First(GraphCall call) => call.X.numel();

    private static double Product(long[] sizes) => sizes.Aggregate(1.0, (product, size) => product * Math.Max(0, size));

    /// <summary>The type of elements that has a number in ONNX.</summary>
    public static ScalarType ElementType(long number) => number switch
    {
        Float => ScalarType.Float32,
        Int64 => ScalarType.Int64,
        Bool => ScalarType.Bool,
        _ => throw new ArgumentException($"{number} is no type of elements"),
    };

    private static string? HasChannels(GraphCall call) =>
        call.Shape.Any(size => size is < 1 or > Limits.LargestVocabulary) ? $"has a weight of shape {Shapes.Text(call.Shape)}" : null;

    private static nn.Module<Tensor, Tensor> MakeConvolution(GraphCall call)
    {
        var (shape, group, stride, dilation) = (call.Shape, call.Integer("group"), call.Integers("strides"), call.Integers("dilations"));
        var padding = GraphWindow.FindEvenPadding(call) ?? [0, 0];
        return nn.Conv2d(
            shape[1] * group, shape[0], (shape[2], shape[3]), (stride[0], stride[1]), (padding[0], padding[1]), (dilation[0], dilation[1]), groups: group, bias: call.Flag("bias"));
    }

    private static nn.Module<Tensor, Tensor> MakeGroupNormalization(GraphCall call)
    {
        var norm = nn.GroupNorm(call.Integer("num_groups"), call.Shape[0], call.Number("epsilon"));
        nn.init.ones_(norm.weight!);
        nn.init.zeros_(norm.bias!);
        return norm;
    }

    private static double ForeseeProduct(GraphCall call)
    {
        var (a, b) = (call.X.shape, call.Inputs[1].shape);
        var batch = Product(GraphCall.BroadcastShape([a.SkipLast(2).ToArray(), b.SkipLast(2).ToArray()]));
        return batch * (a.Length > 1 ? a[^2] : 1) * (b.Length > 1 ? b[^1] : 1);
    }

    private static long[] Positions(Tensor map) => map.dim() > 2
        ? [.. Enumerable.Range(2, (int)map.dim() - 2).Select(axis => (long)axis)]
        : throw new ArgumentException($"it takes maps, not {Shapes.Text(map.shape)}");

    private static (GraphWindow Rows, GraphWindow Columns) Windows(GraphCall call) => GraphWindow.Of(call, call.X, call.Integers("kernel_shape"), call.Flag("ceil_mode"));

    private static double ForeseePooling(GraphCall call)
    {
        var (rows, columns) = Windows(call);
        return GraphWindow.CountPadded(call.X, rows, columns);
    }

    private static Tensor PoolMaximum(GraphCall call)
    {
        var (rows, columns) = Windows(call);
        var (kernel, stride, dilation) = (call.Integers("kernel_shape"), call.Integers("strides"), call.Integers("dilations"));
        return IsEven(rows, kernel[0]) && IsEven(columns, kernel[1])
            ? nn.functional.max_pool2d(call.X, kernel, stride, [rows.Before, columns.Before], dilation)
            : nn.functional.max_pool2d(PadBeyond(call.X, rows, columns, double.NegativeInfinity), kernel, stride, dilation: dilation);
    }

    private static Tensor PoolAverage(GraphCall call)
    {
        var (rows, columns) = Windows(call);
        var (kernel, stride, counts) = (call.Integers("kernel_shape"), call.Integers("strides"), call.Flag("count_include_pad"));
        if (IsEven(rows, kernel[0]) && IsEven(columns, kernel[1]))
            return nn.functional.avg_pool2d(call.X, kernel, stride, [rows.Before, columns.Before], count_include_pad: counts);

        // The share of each window that counts.
        var whole = ones([1, 1, call.X.shape[2], call.X.shape[3]], call.X.dtype, call.X.device);
        var counted = GraphWindow.Pad(whole, rows, columns, counts ? 1 : 0);
        var share = nn.functional.avg_pool2d(PadBeyond(counted, rows with { Before = 0, After = 0 }, columns with { Before = 0, After = 0 }, 0), kernel, stride);
        return nn.functional.avg_pool2d(PadBeyond(call.X, rows, columns, 0), kernel, stride) / share;
    }

    /// <summary>Whether torch's poolings have this padding: the same on both sides, at most half of the window.</summary>
    private static bool IsEven(GraphWindow window, long kernel) => window.Before == window.After && window.Beyond == 0 && 2 * window.Before <= kernel;

    private static Tensor PadBeyond(Tensor map, GraphWindow rows, GraphWindow columns, double value) =>
        GraphWindow.Pad(map, rows with { After = rows.After + rows.Beyond }, columns with { After = columns.After + columns.Beyond }, value);

    private static long[] Range(long[] shape, long start, long end)
    {
        var from = Math.Clamp(start < 0 ? start + shape.Length : start, 0, shape.Length);
        var to = Math.Clamp(end < 0 ? end + shape.Length : end, from, shape.Length);
        return shape[(int)from..(int)to];
    }

    private static long[] NewShape(GraphCall call)
    {
        var (shape, sizes) = (call.X.shape, call.Sizes(1)!);
        return [.. sizes.Select((size, i) => size != 0 || call.Flag("allowzero") ? size
            : i < shape.Length ? shape[i] : throw new ArgumentException($"its new shape {Shapes.Text(sizes)} keeps a size that is not there"))];
    }

    private static Tensor Flatten(GraphCall call)
    {
        var axis = call.Integer("axis") == call.X.dim() ? call.X.dim() : call.Axis("axis", call.X.dim());
        return call.X.reshape(call.X.shape.Take((int)axis).Aggregate(1L, (product, size) => product * size), call.X.shape.Skip((int)axis).Aggregate(1L, (product, size) => product * size));
    }

    private static Tensor Squeeze(GraphCall call)
    {
        var shape = call.X.shape;
        var axes = call.Sizes(1)?.Select(axis => GraphCall.Axis(axis, shape.Length)).ToArray() ?? [.. Enumerable.Range(0, shape.Length).Where(axis => shape[axis] == 1).Select(axis => (long)axis)];
        return axes.FirstOrDefault(axis => shape[axis] != 1, -1) is >= 0 and var axis
            ? throw new ArgumentException($"dimension {axis} is not of size 1")
            : call.X.reshape([.. shape.Where((_, i) => !axes.Contains(i))]);
    }

    private static Tensor Unsqueeze(GraphCall call)
    {
        var axes = call.Sizes(1)!;
        var dimensions = call.X.dim() + axes.Length;
        if (dimensions > MostDimensions)
            throw new ArgumentException($"its result would have {dimensions} dimensions");
        return axes.Select(axis => GraphCall.Axis(axis, dimensions)).Order().Aggregate(call.X, (x, axis) => x.unsqueeze(axis));
    }

    private static Tensor Slice(GraphCall call)
    {
        var (starts, ends) = (call.Sizes(1)!, call.Sizes(2)!);
        var axes = call.Sizes(3) ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = call.Sizes(4) ?? [.. axes.Select(_ => 1L)];
        if (starts.Length != ends.Length || starts.Length != axes.Length || starts.Length != steps.Length)
            throw new ArgumentException("its starts, ends, axes and steps differ in number");
        var x = call.X;
        for (var i = 0; i < starts.Length; i++)
        {
            var axis = GraphCall.Axis(axes[i], x.dim());
            var (size, step) = (x.shape[axis], steps[i]);
            var (start, end) = (starts[i] < 0 ? starts[i] + size : starts[i], ends[i] < 0 ? ends[i] + size : ends[i]);
            if (step > 0)
                x = x.slice(axis, Math.Clamp(start, 0, size), Math.Clamp(end, 0, size), step);
            else if (step < 0)
                x = x.index_select(axis, arange(Math.Clamp(start, -1, size - 1), Math.Clamp(end, -1, size - 1), step, ScalarType.Int64, x.device));
            else
                throw new ArgumentException("it has a step of 0");
        }

        return x;
    }

    private static long[] Pads(GraphCall call)
    {
        var (pads, all) = (call.Sizes(1)!, new long[2 * call.X.dim()]);
        var axes = call.Sizes(3) ?? [.. Enumerable.Range(0, (int)call.X.dim()).Select(axis => (long)axis)];
        if (pads.Length != 2 * axes.Length || pads.Any(pad => Math.Abs(pad) > Limits.LargestSize))
            throw new ArgumentException($"it pads by {Shapes.Text(pads)}");
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = GraphCall.Axis(axes[i], call.X.dim());
            (all[axis], all[axis + call.X.dim()]) = (pads[i], pads[i + axes.Length]);
        }

        return all;
    }

    private static Tensor Pad(GraphCall call)
    {
        // torch has the last dimension first, and before and after it beside each other.
        var (x, pads, dimensions) = (call.X, Pads(call), (int)call.X.dim());
        if (pads.All(pad => pad == 0))
            return x;
        var order = Enumerable.Range(0, dimensions).Reverse().SelectMany(axis => new[] { pads[axis], pads[axis + dimensions] }).ToArray();
        if (call.Integer("mode") == 0)
            return nn.functional.pad(x, order, PaddingModes.Constant, call.Inputs.Count > 2 && call.Inputs[2].numel() == 1 ? call.Inputs[2].to_type(ScalarType.Float64).ToDouble() : 0);
        return dimensions == 4 && order.Skip(4).All(pad => pad == 0)
            ? nn.functional.pad(x, order[..4], call.Integer("mode") == 1 ? PaddingModes.Reflect : PaddingModes.Replicate)
            : throw new ArgumentException("it pads other sides than height and width by values of the map");
    }

    private static double ForeseePadding(GraphCall call)
    {
        var (pads, shape) = (Pads(call), call.X.shape);
        return Product([.. shape.Select((size, i) => size + pads[i] + pads[i + shape.Length])]);
    }

    private static long[] ExpandedShape(GraphCall call) => GraphCall.BroadcastShape([call.X.shape, call.Sizes(1)!]);

    private static Tensor Gather(GraphCall call)
    {
        var (x, indices) = (call.X, call.Inputs[1]);
        var axis = call.Axis("axis", x.dim());
        var (flat, size) = (indices.to_type(ScalarType.Int64).flatten(), x.shape[axis]);
        if (flat.numel() > 0 && ((flat < -size).any().ToBoolean() || (flat >= size).any().ToBoolean()))
            throw new ArgumentException($"it takes positions beyond {size}");
        return x.index_select(axis, where(flat < 0, flat + size, flat).to(x.device)).reshape([.. x.shape.Take((int)axis), .. indices.shape, .. x.shape.Skip((int)axis + 1)]);
    }

    private static double ForeseeGathering(GraphCall call) => (double)call.X.numel() / Math.Max(1, call.X.shape[call.Axis("axis", call.X.dim())]) * call.Inputs[1].numel();

    private static (double Start, double Limit, double Step) Bounds(GraphCall call)
    {
        double[] numbers = [.. call.Inputs.Select(input => input.numel() == 1 ? input.to_type(ScalarType.Float64).ToDouble() : double.NaN)];
        return numbers.All(double.IsFinite) && numbers[2] != 0 ? (numbers[0], numbers[1], numbers[2]) : throw new ArgumentException("its start, limit and step are no range");
    }

    private static Tensor Range(GraphCall call)
    {
        var (start, limit, step) = Bounds(call);
        var type = call.X.is_floating_point() ? ScalarType.Float32 : ScalarType.Int64;
        return (limit - start) / step <= 0 ? empty([0], type) : type == ScalarType.Int64 ? arange((long)start, (long)limit, (long)step, type) : arange(start, limit, step, type);
    }

    private static double ForeseeRange(GraphCall call)
    {
        var (start, limit, step) = Bounds(call);
        return Math.Max(0, Math.Ceiling((limit - start) / step));
    }
}
