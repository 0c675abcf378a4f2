using System.Text;
using System.Text.RegularExpressions;
using MultiInputNet.Onnx.Schema;
using static MultiInputNet.Onnx.Schema.TensorProto.Types;

namespace MultiInputNet.Onnx;

/// <summary>
/// Reads an ONNX graph as a base: a node for each of its operators, in the form of ONNX's newest version. What older versions wrote
/// otherwise, or what has several results, is put in that form.
/// </summary>
internal sealed partial class GraphReader
{
    private const string Input = "input";
    private const int OldestVersion = 7;
    private const int MostNodes = 20_000;
    private const int LargestConstant = 4_096;
    private const double Beyond = int.MaxValue;

    private readonly OnnxFile file;
    private readonly GraphProto graph;
    private readonly Dictionary<string, TensorProto> initializers = [];
    private readonly Dictionary<string, NodeProto> constantNodes = [];
    private readonly Dictionary<string, OnnxTensor> constants = [];
    private readonly Dictionary<string, string> results = [];
    private readonly Dictionary<string, string> written = [];
    private readonly HashSet<string> names = [Input];
    private readonly List<GraphNode> nodes = [];
    private readonly Dictionary<string, float[]> weights = [];

    public GraphReader(OnnxFile file)
    {
        this.file = file;
        graph = file.Model.Graph;
        foreach (var tensor in graph.Initializer)
            initializers[tensor.Name] = tensor;
        foreach (var node in graph.Node.Where(node => node.OpType == "Constant" && node.Output.Count > 0))
            constantNodes[node.Output[0]] = node;
    }

    private long Version => file.Version;

    /// <summary>The value that a base of this file ends with by default; null if there is none.</summary>
    public string? LastValue => new GraphFlow(graph, graph.Input.First(input => !initializers.ContainsKey(input.Name)).Name, ShapeOf, ReadConstant).FindLast();

    /// <summary>Describes the base.</summary>
    /// <param name="until">The node or value that it ends with; null for the default.</param>
    /// <param name="channels">The channels that it takes; null for those of the file's input.</param>
    /// <param name="largestPass">The values of maps that may be in memory when a model is built.</param>
    /// <exception cref="MultiInputException">The graph has an operation that is not known, or no such node.</exception>
    public BaseSpec Read(string? until, int? channels, long largestPass)
    {
        try
        {
            return ReadGraph(until, channels, largestPass);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or OverflowException)
        {
            // An operator without the inputs, numbers or results that ONNX gives it.
            throw new MultiInputException(
                $"file '{file.Path}'", ModelComponent.File, $"its graph is not one of ONNX: {e.Message}", "Export the model again; onnx.checker says what is wrong with it.", e);
        }
    }

    private BaseSpec ReadGraph(string? until, int? channels, long largestPass)
    {
        if (graph.Node.Count > MostNodes)
            throw file.Refuse($"it has {graph.Node.Count:N0} nodes, but at most {MostNodes:N0} are read.", "Give a smaller model.");
        if (Version < OldestVersion)
            throw file.Refuse($"it uses version {Version} of ONNX's operators, but the oldest that is read is {OldestVersion}.", "Convert it, for instance with onnx.version_converter.");
        if (graph.Input.Where(input => !initializers.ContainsKey(input.Name)).ToArray() is not [var input])
        {
            throw file.Refuse(
                $"its inputs are {string.Join(", ", graph.Input.Where(input => !initializers.ContainsKey(input.Name)).Select(input => $"'{input.Name}'"))}, but a base takes one.",
                "Give a file of a model with a single input.");
        }

        if (input.Type?.TensorType?.Shape is { Dim.Count: not 4 } shape)
            throw file.Refuse($"its input '{input.Name}' has {shape.Dim.Count} dimensions, but a base takes maps, (batch, channels, height, width).", "Give a file of a model of images.");
        results[input.Name] = Input;

        // A graph that takes the channels last begins by putting them first.
        var dimensions = input.Type?.TensorType?.Shape?.Dim;
        var takers = graph.Node.Where(node => node.Input.Contains(input.Name)).ToArray();
        var isLast = takers is [{ OpType: "Transpose", Output.Count: 1 } first] && Integers(first, "perm") is [0, 3, 1, 2];
        if (isLast)
            results[takers[0].Output[0]] = Input;
        var taken = channels ?? (dimensions?[isLast ? 3 : 1].DimValue is > 0 and <= int.MaxValue and var declared ? (int)declared : throw file.Refuse(
            $"its input '{input.Name}' does not say how many channels it has.", "Give their number: Bases.Onnx(path, channels: ...)."));

        var flow = new GraphFlow(graph, input.Name, ShapeOf, ReadConstant);
        var last = until is null ? flow.FindLast() ?? throw file.Refuse(
            "no map and no tokens in it alone lead to its output.", "Name the node or value to end with: Bases.Onnx(path, until: \"...\").") : FindValue(until);
        foreach (var node in flow.Before(last))
        {
            if (node.Output.Count == 0 || !node.Output.Any(output => results.ContainsKey(output)))
                Translate(node);
        }

        if (!results.TryGetValue(last, out var result) || result == Input)
            throw file.Refuse($"nothing leads from its input to '{last}'.", "Name a node or value after the input.");
        if (nodes[^1].Name != result)
            Add("Identity", "result", [result]);
        return Bases.Graph(taken, nodes, weights, largestPass);
    }

    private string FindValue(string until) => graph.Node.FirstOrDefault(node => node.Output.Contains(until)) is not null ? until
        : graph.Node.FirstOrDefault(node => node.Name == until && until.Length > 0)?.Output.FirstOrDefault() ?? throw file.Refuse(
            $"it has no node or value '{until}'.",
            $"Its last ones are {string.Join(", ", graph.Node.TakeLast(8).SelectMany(node => node.Output).Select(output => $"'{output}'"))}.");

    /// <summary>A value that does not depend on the input, if it is in the file.</summary>
    private OnnxTensor? ReadConstant(string name)
    {
        if (constants.TryGetValue(name, out var known))
            return known;
        return initializers.TryGetValue(name, out var tensor) ? constants[name] = file.Read(tensor, name)
            : constantNodes.TryGetValue(name, out var node) ? constants[name] = ConstantOf(node)
            : null;
    }

    private long[]? ShapeOf(string name) => initializers.TryGetValue(name, out var tensor) ? [.. tensor.Dims] : ReadConstant(name)?.Shape;

    private void Translate(NodeProto node)
    {
        if (node.Domain is not ("" or "ai.onnx"))
            throw Unknown(node, $"'{node.OpType}' of '{node.Domain}'");
        var x = node.Input.Count > 0 ? node.Input[0] : "";
        switch (node.OpType)
        {
            case "Constant":
                break;
            case "Identity" or "Dropout":
                if (node.OpType == "Dropout" && node.Input.Count > 2 && ReadConstant(node.Input[2]) is { Integers: [not 0] })
                    throw Refuse(node, "drops values in prediction too");
                Alias(node, x);
                break;
            case "Conv":
                Convolve(node);
                break;
            case "BatchNormalization":
                Normalize(node);
                break;
            case "InstanceNormalization":
                var scale = Weight(node, 1, 1);
                Give(node, "GroupNormalization", [Use(node, x)], scale.Shape, Set(("epsilon", Real(node, "epsilon", 1e-5)), ("num_groups", scale.Count)), NamesOf(node, 1), ("weight", scale), ("bias", Weight(node, 2, 1)));
                break;
            case "GroupNormalization":
                NormalizeGroups(node);
                break;
            case "LayerNormalization":
                NormalizeLayer(node);
                break;
            case "Gemm":
                MultiplyAndAdd(node);
                break;
            case "MatMul" when ReadConstant(node.Input[1]) is { Shape.Length: 2, Type: DataType.Float } matrix:
                Give(node, "Linear", [Use(node, x)], [matrix.Shape[1], matrix.Shape[0]], null, NamesOf(node, 1), ("weight", matrix.Transpose()));
                break;
            case "PRelu":
                var slope = Weight(node, 1);
                if (slope.Shape.Count(size => size > 1) > 1 || (slope.Count > 1 && (slope.Shape.Length < 3 || slope.Shape[^3] != slope.Count)))
                    throw Refuse(node, "has slopes other than one for each channel");
                Give(node, "PRelu", [Use(node, x)], [slope.Count], null, NamesOf(node, 1), ("weight", slope));
                break;
            case "MaxPool" or "AveragePool":
                Give(node, node.OpType, [Use(node, x)], null, [.. Windows(node, Required(node, "kernel_shape")), .. Flags(node, "ceil_mode", "count_include_pad"), .. Set(("kernel_shape", Required(node, "kernel_shape").Select(size => (double)size).ToArray()))]);
                break;
            case "Clip":
                Give(node, "Clip", [Use(node, x)], null, [.. Bound(node, "min", 1), .. Bound(node, "max", 2)]);
                break;
            case "Softmax" or "LogSoftmax":
                SoftMax(node);
                break;
            case "Sum" or "Min" or "Max" or "Mean":
                Combine(node);
                break;
            case "Split":
                Split(node);
                break;
            case "Cast":
                Give(node, "Cast", [Use(node, x)], null, Set(("to", (int)ElementType(node, Integer(node, "to", 0)))));
                break;
            case "ConstantOfShape":
                var value = Find(node, "value")?.T is { } given ? file.Read(given, node.Name) : new([1], DataType.Float, [0], []);
                Give(node, node.OpType, [Use(node, x)], null, Set(("value", value.Numbers.First()), ("type", (int)value.Type)));
                break;
            case "Gelu":
                Give(node, node.OpType, [Use(node, x)], null, Set(("approximate", Text(node, "approximate", "none") == "tanh" ? 1 : 0)));
                break;
            case "Slice" when Version < 10:
                var starts = Required(node, "starts");
                var axes = Integers(node, "axes") ?? [.. starts.Select((_, axis) => (long)axis)];
                Give(node, node.OpType, [Use(node, x), Emit(starts), Emit(Required(node, "ends")), Emit(axes)]);
                break;
            case "Pad":
                Pad(node);
                break;
            case "Squeeze" or "Unsqueeze" when Version < 13:
                Give(node, node.OpType, Integers(node, "axes") is { } sides ? [Use(node, x), Emit(sides)] : [Use(node, x)]);
                break;
            case "Expand" or "Tile" or "Reshape" or "Slice" or "Squeeze" or "Unsqueeze" or "Where" or "Range" or "Size" or "Shape" or "GlobalAveragePool" or "GlobalMaxPool":
                Give(node, node.OpType, Used(node), null, [.. Flags(node, "allowzero"), .. Axes(node, "start", "end")]);
                break;
            case "Flatten" or "Concat" or "Gather":
                Give(node, node.OpType, Used(node), null, Axes(node, "axis"));
                break;
            case "Transpose":
                Give(node, node.OpType, Used(node), null, Integers(node, "perm") is { } order ? Set(("perm", order.Select(axis => (double)axis).ToArray())) : null);
                break;
            case ['R', 'e', 'd', 'u', 'c', 'e', ..]:
                Reduce(node);
                break;
            case "Add" or "Sub" or "Mul" or "Div" or "Pow" or "Equal" or "Greater" or "GreaterOrEqual" or "Less" or "LessOrEqual" or "And" or "Or" or "MatMul":
            case "Mod" when Integer(node, "fmod", 0) == 0:
            case "Relu" or "Sigmoid" or "HardSwish" or "Mish" or "Tanh" or "Softplus" or "Softsign" or "Erf" or "Exp" or "Log" or "Sqrt" or "Reciprocal":
            case "Neg" or "Abs" or "Sign" or "Floor" or "Ceil" or "Round" or "Sin" or "Cos" or "Not":
                Give(node, node.OpType, Used(node));
                break;
            case "LeakyRelu" or "Elu" or "Selu" or "HardSigmoid" or "Swish":
                Give(node, node.OpType, Used(node), null, Reals(node, "alpha", "beta", "gamma"));
                break;
            case "LRN":
                Give(node, node.OpType, Used(node), null, [.. Reals(node, "alpha", "beta", "bias"), .. Set(("size", Integer(node, "size", 0)))]);
                break;
            default:
                throw Unknown(node, $"'{node.OpType}'");
        }
    }

    private void Convolve(NodeProto node)
    {
        var weight = Weight(node, 1);
        if (weight.Shape.Length != 4)
            throw Refuse(node, $"is a convolution over {weight.Shape.Length - 2} dimensions; a base has those over 2");
        var attributes = Windows(node, [weight.Shape[2], weight.Shape[3]]).Append(new("group", [Integer(node, "group", 1)]));
        if (HasInput(node, 2))
            Give(node, "Conv", [Use(node, node.Input[0])], weight.Shape, attributes.Append(new("bias", [1])), NamesOf(node, 1), ("weight", weight), ("bias", Weight(node, 2, 1)));
        else
            Give(node, "Conv", [Use(node, node.Input[0])], weight.Shape, attributes, NamesOf(node, 1), ("weight", weight));
    }

    private void Normalize(NodeProto node)
    {
        if (Integer(node, "spatial", 1) != 1 || Integer(node, "training_mode", 0) != 0)
            throw Refuse(node, "normalises with the statistics of each position or batch");
        var weight = Weight(node, 1, 1);
        Give(
            node,
            "BatchNormalization",
            [Use(node, node.Input[0])],
            weight.Shape,
            Reals(node, "epsilon", "momentum"),
            NamesOf(node, 1),
            ("weight", weight),
            ("bias", Weight(node, 2, 1)),
            ("running_mean", Weight(node, 3, 1)),
            ("running_var", Weight(node, 4, 1)));
    }

    private void NormalizeGroups(NodeProto node)
    {
        var (scale, bias, groups) = (Weight(node, 1, 1), Weight(node, 2, 1), Integer(node, "num_groups", 0));
        if (Version < 21)
            throw Refuse(node, "has a scale for each group, as before version 21 of ONNX's operators");
        Give(node, "GroupNormalization", [Use(node, node.Input[0])], scale.Shape, [.. Reals(node, "epsilon"), .. Set(("num_groups", groups))], NamesOf(node, 1), ("weight", scale), ("bias", bias));
    }

    private void NormalizeLayer(NodeProto node)
    {
        var scale = Weight(node, 1);
        var axis = Integer(node, "axis", -1);
        if (axis >= 0 || -axis != scale.Shape.Length)
            throw Refuse(node, $"normalises from dimension {axis} with a scale of {scale.Shape.Length} dimensions");
        var bias = HasInput(node, 2) ? Weight(node, 2) : scale with { Floats = new float[scale.Count] };
        Give(node, "LayerNormalization", [Use(node, node.Input[0])], scale.Shape, Reals(node, "epsilon"), NamesOf(node, 1), ("weight", scale), ("bias", bias));
    }

    private void MultiplyAndAdd(NodeProto node)
    {
        var (matrix, alpha, beta) = (Weight(node, 1, 2), (float)Real(node, "alpha", 1), (float)Real(node, "beta", 1));
        if (Integer(node, "transA", 0) != 0)
            throw Refuse(node, "transposes its input");
        if (Integer(node, "transB", 0) == 0)
            matrix = matrix.Transpose();
        var weight = alpha == 1 ? matrix : matrix with { Floats = [.. matrix.Floats.Select(value => alpha * value)] };
        if (!HasInput(node, 2))
        {
            Give(node, "Linear", [Use(node, node.Input[0])], weight.Shape, null, NamesOf(node, 1), ("weight", weight));
            return;
        }

        var added = Weight(node, 2);
        if ((added.Count != 1 && added.Count != weight.Shape[0]) || added.Shape.SkipLast(1).Any(size => size != 1))
            throw Refuse(node, $"adds values of shape ({string.Join(", ", added.Shape)}) to each of {weight.Shape[0]}");
        var bias = added with { Shape = [weight.Shape[0]], Floats = [.. Enumerable.Range(0, (int)weight.Shape[0]).Select(i => beta * added.Floats[added.Count == 1 ? 0 : i])] };
        Give(node, "Linear", [Use(node, node.Input[0])], weight.Shape, Set(("bias", 1)), NamesOf(node, 1), ("weight", weight), ("bias", bias));
    }

    private void SoftMax(NodeProto node)
    {
        var x = Use(node, node.Input[0]);
        var axis = Integer(node, "axis", Version < 13 ? 1 : -1);
        if (Version >= 13 || axis == -1)
        {
            Give(node, node.OpType, [x], null, Set(("axis", axis)));
            return;
        }

        // Before version 13: over all dimensions from that one.
        var shape = Add("Shape", node.Name, [x]);
        var flat = Add(node.OpType, node.Name, [Add("Flatten", node.Name, [x], null, Set(("axis", axis)))]);
        Give(node, "Reshape", [flat, shape]);
    }

    private void Combine(NodeProto node)
    {
        var all = Used(node);
        var operation = node.OpType is "Sum" or "Mean" ? "Add" : node.OpType;
        var sum = all[0];
        foreach (var next in all.Skip(1))
            sum = Add(operation, node.Name, [sum, next]);
        if (node.OpType == "Mean")
            sum = Add("Div", node.Name, [sum, Emit(new OnnxTensor([], DataType.Float, [all.Length], []), node.Name)]);
        results[Result(node)] = sum;
    }

    private void Split(NodeProto node)
    {
        var x = Use(node, node.Input[0]);
        var axis = Integer(node, "axis", 0);
        var sizes = Version < 13 ? Integers(node, "split") : HasInput(node, 1) ? (ReadConstant(node.Input[1]) ?? throw Refuse(node, "splits at places that are computed")).Integers : null;
        if (sizes is not null && sizes.Length < node.Output.Count)
            throw Refuse(node, $"splits into {sizes.Length} parts and names {node.Output.Count}");

        // Parts of equal size, the last of what is left.
        var part = sizes is not null ? "" : Add("Div", node.Name, [
            Add("Add", node.Name, [Add("Gather", node.Name, [Add("Shape", node.Name, [x]), Emit([axis])]), Emit([node.Output.Count - 1L])]), Emit([(long)node.Output.Count])]);
        var start = 0L;
        for (var i = 0; i < node.Output.Count; i++)
        {
            var (from, to) = sizes is not null ? (Emit([start]), Emit([start += sizes[i]]))
                : (Add("Mul", node.Name, [part, Emit([(long)i])]), Add("Mul", node.Name, [part, Emit([i + 1L])]));
            results[node.Output[i]] = Add("Slice", node.Name, [x, from, to, Emit([axis])]);
        }
    }

    private void Pad(NodeProto node)
    {
        var mode = Text(node, "mode", "constant") switch
        {
            "constant" => 0,
            "reflect" => 1,
            "edge" => 2,
            var other => throw Refuse(node, $"pads by '{other}'"),
        };
        string Zero() => Emit(new OnnxTensor([], DataType.Float, [(float)Real(node, "value", 0)], []), "constant");
        string[] inputs = Version < 11 ? [Use(node, node.Input[0]), Emit(Required(node, "pads")), Zero()]
            : [.. node.Input.Select((input, i) => i == 2 && input.Length == 0 ? Zero() : Use(node, input))];
        Give(node, "Pad", inputs, null, Set(("mode", mode)));
    }

    private void Reduce(NodeProto node)
    {
        if (node.OpType is not ("ReduceMean" or "ReduceSum" or "ReduceMax" or "ReduceMin" or "ReduceProd" or "ReduceL1" or "ReduceL2" or "ReduceSumSquare"))
            throw Unknown(node, $"'{node.OpType}'");
        var axes = HasInput(node, 1) ? Use(node, node.Input[1]) : Integers(node, "axes") is { } sides ? Emit(sides) : null;
        Give(node, node.OpType, axes is null ? [Use(node, node.Input[0])] : [Use(node, node.Input[0]), axes], null, Flags(node, "keepdims", "noop_with_empty_axes"));
    }

    /// <summary>Where the windows of a convolution or pooling lie.</summary>
    private List<KeyValuePair<string, IReadOnlyList<double>>> Windows(NodeProto node, long[] kernel)
    {
        if (kernel.Length != 2)
            throw Refuse(node, $"has windows of {kernel.Length} dimensions; a base has those of 2");
        var auto = Text(node, "auto_pad", "NOTSET") switch
        {
            "NOTSET" or "VALID" or "" => 0,
            "SAME_UPPER" => 1,
            "SAME_LOWER" => 2,
            var other => throw Refuse(node, $"is padded by '{other}'"),
        };
        var set = new List<KeyValuePair<string, IReadOnlyList<double>>>();
        foreach (var (name, usual) in new[] { ("strides", 1), ("dilations", 1), ("pads", 0) })
        {
            if (Integers(node, name) is { } given && given.Any(value => value != usual) && !(name == "pads" && (auto > 0 || Text(node, "auto_pad", "") == "VALID")))
                set.Add(new(name, [.. given.Select(value => (double)value)]));
        }

        if (auto > 0)
            set.Add(new("auto_pad", [auto]));
        return set;
    }

    private List<KeyValuePair<string, IReadOnlyList<double>>> Bound(NodeProto node, string name, int input)
    {
        if (Version < 11)
            return Reals(node, name);
        return !HasInput(node, input) ? []
            : ReadConstant(node.Input[input]) is { Count: 1 } bound ? Set((name, bound.Numbers.First()))
            : throw Refuse(node, $"has a '{name}' that is computed");
    }

    /// <summary>Adds the node that an operator is, with its weights.</summary>
    private void Give(
        NodeProto node,
        string operation,
        IReadOnlyList<string> inputs,
        long[]? shape = null,
        IEnumerable<KeyValuePair<string, IReadOnlyList<double>>>? attributes = null,
        string? name = null,
        params IReadOnlyList<(string Name, OnnxTensor Values)> values)
    {
        if (node.Output.Skip(1).Any(output => output.Length > 0 && graph.Node.Any(other => other.Input.Contains(output))))
            throw Refuse(node, "gives more than one result that is used");
        var own = Add(operation, name ?? node.Name, inputs, shape, attributes);
        foreach (var (weight, numbers) in values)
            weights[$"{own}.{weight}"] = numbers.Floats;
        results[Result(node)] = own;
    }

    /// <summary>Adds a node.</summary>
    /// <returns>Its name.</returns>
    private string Add(
        string operation, string hint, IReadOnlyList<string> inputs, long[]? shape = null, IEnumerable<KeyValuePair<string, IReadOnlyList<double>>>? attributes = null)
    {
        var all = attributes?.ToDictionary();
        var name = NewName(hint.Length > 0 ? hint : operation);
        nodes.Add(new(name, operation, inputs) { Shape = shape, Attributes = all is { Count: > 0 } ? all : null });
        return name;
    }

    /// <summary>A name for a node that is not taken: letters, digits, '_' and '-' of what it is called in the file.</summary>
    private string NewName(string hint)
    {
        var clean = Unclean().Replace(hint, "_").Trim('_');
        clean = clean.Length == 0 ? "node" : clean.Length > 80 ? clean[^80..].TrimStart('_') : clean;
        var name = clean;
        for (var i = 2; !names.Add(name); i++)
            name = $"{clean}_{i}";
        return name;
    }

    /// <summary>What a node's weight is called after: the weight, as in "conv1.weight", if an exporter kept its name.</summary>
    private static string? NamesOf(NodeProto node, int input) =>
        node.Input[input] is var weight && weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^".weight".Length] : null;

    /// <summary>What an operator takes, as the name of a node.</summary>
    private string Use(NodeProto node, string value)
    {
        if (results.TryGetValue(value, out var result))
            return result;
        if (written.TryGetValue(value, out var constant))
            return constant;
        if (ReadConstant(value) is not { } tensor)
            throw Refuse(node, $"takes '{value}', which no operator before it gives");
        if (tensor.Type == DataType.Float && tensor.Count > 1 && initializers.ContainsKey(value))
        {
            // Each use has its own: exporters let weights share their values where those happen to be equal.
            var parameter = Add("Parameter", value, [], tensor.Shape);
            weights[parameter] = tensor.Floats;
            return parameter;
        }

        return written[value] = Emit(tensor, value);
    }

    private string[] Used(NodeProto node) => [.. node.Input.Where(input => input.Length > 0).Select(input => Use(node, input))];

    private string Emit(long[] numbers) => Emit(OnnxTensor.Of(numbers), "constant");

    private string Emit(OnnxTensor tensor, string hint)
    {
        if (tensor.Type == DataType.Float && tensor.Count > LargestConstant)
        {
            var buffer = Add("Buffer", hint, [], tensor.Shape);
            weights[buffer] = tensor.Floats;
            return buffer;
        }

        return Add("Constant", hint, [], tensor.Shape, [new("value", [.. tensor.Numbers]), new("type", [(int)tensor.Type])]);
    }

    private void Alias(NodeProto node, string value)
    {
        if (ReadConstant(value) is { } constant)
        {
            constants[Result(node)] = constant;
            if (initializers.TryGetValue(value, out var tensor))
                initializers[Result(node)] = tensor;
        }
        else
        {
            results[Result(node)] = Use(node, value);
        }
    }

    private OnnxTensor Weight(NodeProto node, int input, int? dimensions = null)
    {
        if (!HasInput(node, input) || ReadConstant(node.Input[input]) is not { Type: DataType.Float } weight)
            throw Refuse(node, $"has no weight in the file as its input {input}");
        return dimensions is null || weight.Shape.Length == dimensions ? weight
            : throw Refuse(node, $"has a weight of shape ({string.Join(", ", weight.Shape)}) as its input {input}");
    }

    private OnnxTensor ConstantOf(NodeProto node)
    {
        foreach (var attribute in node.Attribute)
        {
            switch (attribute.Name)
            {
                case "value" when attribute.T is { } tensor:
                    return file.Read(tensor, node.Name);
                case "value_float":
                    return new([], DataType.Float, [attribute.F], []);
                case "value_int":
                    return new([], DataType.Int64, [], [attribute.I]);
                case "value_floats":
                    return new([attribute.Floats.Count], DataType.Float, [.. attribute.Floats], []);
                case "value_ints":
                    return OnnxTensor.Of([.. attribute.Ints]);
            }
        }

        throw Refuse(node, "has no numbers");
    }

    private DataType ElementType(NodeProto node, long type) => (DataType)type switch
    {
        DataType.Float or DataType.Double or DataType.Float16 or DataType.Bfloat16 => DataType.Float,
        DataType.Int64 or DataType.Int32 => DataType.Int64,
        DataType.Bool => DataType.Bool,
        var other => throw Refuse(node, $"makes values of type {other}"),
    };

    private string Result(NodeProto node) => node.Output.Count > 0 && node.Output[0].Length > 0 ? node.Output[0] : throw Refuse(node, "has no result");

    private static bool HasInput(NodeProto node, int input) => node.Input.Count > input && node.Input[input].Length > 0;

    private static AttributeProto? Find(NodeProto node, string name) => node.Attribute.FirstOrDefault(attribute => attribute.Name == name);

    private static long[]? Integers(NodeProto node, string name) => Find(node, name) is { } found ? [.. found.Ints] : null;

    private long[] Required(NodeProto node, string name) => Integers(node, name) ?? throw Refuse(node, $"has no '{name}'");

    private static long Integer(NodeProto node, string name, long otherwise) => Find(node, name) is { HasI: true } found ? found.I : otherwise;

    private static double Real(NodeProto node, string name, double otherwise) => Find(node, name) is { HasF: true } found ? OnnxTensor.Shortest(found.F) : otherwise;

    private static string Text(NodeProto node, string name, string otherwise) => Find(node, name) is { HasS: true } found ? Encoding.UTF8.GetString(found.S.Span) : otherwise;

    private static List<KeyValuePair<string, IReadOnlyList<double>>> Reals(NodeProto node, params string[] names) =>
        [.. names.Where(name => Find(node, name) is { HasF: true }).Select(name => new KeyValuePair<string, IReadOnlyList<double>>(name, [Real(node, name, 0)]))];

    private static List<KeyValuePair<string, IReadOnlyList<double>>> Flags(NodeProto node, params string[] names) =>
        [.. names.Where(name => Find(node, name) is { HasI: true }).Select(name => new KeyValuePair<string, IReadOnlyList<double>>(name, [Integer(node, name, 0)]))];

    private static List<KeyValuePair<string, IReadOnlyList<double>>> Axes(NodeProto node, params string[] names) =>
        [.. Flags(node, names).Select(axis => new KeyValuePair<string, IReadOnlyList<double>>(axis.Key, [Math.Clamp(axis.Value[0], -Beyond, Beyond)]))];

    private static List<KeyValuePair<string, IReadOnlyList<double>>> Set(params (string Name, double Value)[] values) =>
        [.. values.Select(value => new KeyValuePair<string, IReadOnlyList<double>>(value.Name, [value.Value]))];

    private static List<KeyValuePair<string, IReadOnlyList<double>>> Set((string Name, double[] Values) value) => [new(value.Name, value.Values)];

    private MultiInputException Unknown(NodeProto node, string operation) => file.Refuse(
        $"its node '{Called(node)}' is the operation {operation}, which a base cannot have.",
        "End the base before it, with until: \"...\", or export the model without that operation.");

    private MultiInputException Refuse(NodeProto node, string problem) => file.Refuse(
        $"its node '{Called(node)}' ({node.OpType}) {problem}.", "End the base before it, with until: \"...\", or export the model in another way.");

    private static string Called(NodeProto node) => node.Name.Length > 0 ? node.Name : node.Output.FirstOrDefault() ?? "";

    [GeneratedRegex("[^A-Za-z0-9_-]+")]
    private static partial Regex Unclean();
}
