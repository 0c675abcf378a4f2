using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>
/// A model or a part of it as operations of ONNX (opset <see cref="Opset"/>, and <see cref="MachineLearningOpset"/> of
/// <c>ai.onnx.ml</c>), not yet in a file. Modules add their nodes to it: see <see cref="IOnnxModule"/>.
/// </summary>
public sealed class OnnxGraph : IDisposable
{
    /// <summary>The version of ONNX's operations.</summary>
    public const int Opset = 17;

    /// <summary>The version of the operations of <see cref="MachineLearningDomain"/>.</summary>
    public const int MachineLearningOpset = 3;

    /// <summary>The domain of operations for labels and tables.</summary>
    public const string MachineLearningDomain = "ai.onnx.ml";

    private readonly IReadOnlyDictionary<Type, OnnxExporter> exporters;
    private readonly Dictionary<nn.Module, string> modules = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<Tensor, string> weights = new(ReferenceEqualityComparer.Instance);
    private readonly List<OnnxNode> nodes = [];
    private readonly List<OnnxValue> inputs = [];
    private readonly List<OnnxValue> outputs = [];
    private readonly OrderedDictionary<string, Tensor> initializers = [];
    private readonly List<Tensor> own = [];
    private readonly Dictionary<string, List<OnnxValue>> constants = [];
    private readonly HashSet<string> names = [];
    private OnnxLayers layers;
    private string module = "";

    /// <summary>Creates an empty graph.</summary>
    /// <param name="model">The module whose weights keep their names of <c>state_dict</c>.</param>
    /// <param name="exporters">Exporters of modules by their type, in place of what they say themselves.</param>
    internal OnnxGraph(nn.Module model, IReadOnlyDictionary<Type, OnnxExporter> exporters)
    {
        this.exporters = exporters;
        foreach (var (name, child) in model.named_modules())
            modules.TryAdd(child, name);
        foreach (var (name, parameter) in model.named_parameters())
            weights.TryAdd(parameter, name);
        foreach (var (name, buffer) in model.named_buffers())
            weights.TryAdd(buffer, name);
        names.UnionWith(weights.Values);
        layers = new(this, null, false);
    }

    /// <summary>The operations, each after those whose results it takes.</summary>
    public IReadOnlyList<OnnxNode> Nodes => nodes;

    /// <summary>The constants by their names. They belong to the graph and the model.</summary>
    public IReadOnlyDictionary<string, Tensor> Initializers => initializers;

    /// <summary>What the graph takes.</summary>
    public IReadOnlyList<OnnxValue> Inputs => inputs;

    /// <summary>What the graph gives.</summary>
    public IReadOnlyList<OnnxValue> Outputs => outputs;

    /// <summary>Adds the nodes of a module.</summary>
    /// <param name="module">
    /// One that implements <see cref="IOnnxModule"/> or has an exporter, a module of this library, or one of TorchSharp's usual layers.
    /// </param>
    /// <param name="inputs">What it takes.</param>
    /// <returns>Its result.</returns>
    /// <exception cref="MultiInputException">The module does not say which operations it computes.</exception>
    public OnnxValue Run(nn.Module module, params IReadOnlyList<OnnxValue> inputs)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(inputs);
        return Within(module, () =>
            exporters.TryGetValue(module.GetType(), out var exporter) ? exporter(module, this, inputs)
            : module is IOnnxModule known ? known.Export(this, inputs)
            : inputs is [var input] && OnnxTorchLayers.Export(module, this, input) is { } result ? result
            : inputs is [{ Shape.Count: 4 } map] && OnnxLayers.Knows(module) ? layers.RunMap(module, map)
            : throw new NotSupportedException(module.GetName()));
    }

    /// <summary>Adds what a module computes, under its name.</summary>
    /// <exception cref="MultiInputException">It does not say which operations it computes.</exception>
    internal T Within<T>(nn.Module module, Func<T> add)
    {
        var outer = this.module;
        this.module = modules.GetValueOrDefault(module, outer);
        try
        {
            return add();
        }
        catch (NotSupportedException)
        {
            throw new MultiInputException(
                $"module '{this.module}'",
                ModelComponent.Description,
                $"it is a {module.GetType().Name}, which does not say which ONNX operations it computes.",
                $"Implement {nameof(IOnnxModule)}, or give an exporter for its type.");
        }
        finally
        {
            this.module = outer;
        }
    }

    /// <summary>Adds an operation.</summary>
    /// <param name="operation">Its name in the ONNX specification, such as <c>Softmax</c>.</param>
    /// <param name="inputs">What it takes; null for an optional input that is left out.</param>
    /// <param name="shape">The shape of its result; -1 for a size that is not known.</param>
    /// <param name="type">The type of its result; that of the first input when null.</param>
    /// <param name="attributes">
    /// Its attributes: <see cref="long"/>, <see cref="double"/>, <see cref="string"/>, or a list of one of these.
    /// </param>
    /// <param name="domain">The domain of the operation.</param>
    /// <returns>Its result.</returns>
    public OnnxValue Node(
        string operation,
        IReadOnlyList<OnnxValue?> inputs,
        IReadOnlyList<long> shape,
        ScalarType? type = null,
        IReadOnlyList<(string Name, object Value)>? attributes = null,
        string domain = "")
    {
        ArgumentException.ThrowIfNullOrEmpty(operation);
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(domain);
        var name = Unique(module.Length == 0 ? operation : $"{module}/{operation}");
        nodes.Add(new(name, domain, operation, [.. inputs.Select(input => input?.Name ?? "")], name, attributes ?? []));
        return new(name, type ?? (inputs is [{ } first, ..] ? first.Type : null), [.. shape]);
    }

    /// <summary>A constant. Parameters and buffers of the model keep their names of <c>state_dict</c>.</summary>
    /// <param name="value">Its value, on any device. It must not change until the graph is written.</param>
    /// <param name="role">A name for it, if it is neither a parameter nor a buffer.</param>
    /// <returns>The constant.</returns>
    public OnnxValue Constant(Tensor value, string role = "constant")
    {
        ArgumentNullException.ThrowIfNull(value);
        if (weights.TryGetValue(value, out var weight))
        {
            initializers[weight] = value;
            return new(weight, value.dtype, value.shape);
        }

        // Inputs that share a layer share what is computed from it.
        var wanted = module.Length == 0 ? role : $"{module}.{role}";
        var same = constants.TryGetValue(wanted, out var known) ? known : constants[wanted] = [];
        if (same.Find(constant => constant.Type == value.dtype && constant.Shape.SequenceEqual(value.shape) && initializers[constant.Name].eq(value).all().ToBoolean()) is { } found)
            return found;
        var name = Unique(wanted);
        own.Add(initializers[name] = value.detach().DetachFromDisposeScope());
        same.Add(new(name, value.dtype, value.shape));
        return same[^1];
    }

    /// <summary>A constant list of integers, as many operations take for sizes and axes.</summary>
    /// <param name="values">The numbers.</param>
    /// <returns>The constant, with one dimension.</returns>
    public OnnxValue Integers(params long[] values) => Constant(tensor(values, ScalarType.Int64), "integers");

    /// <summary>Converts a value to another type.</summary>
    /// <param name="value">The value.</param>
    /// <param name="type">The type.</param>
    /// <returns>The value itself if it has that type already.</returns>
    public OnnxValue Cast(OnnxValue value, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.Type == type ? value : Node("Cast", [value], value.Shape, type, [("to", OnnxTypes.Number(type))]);
    }

    /// <summary>Adds an activation.</summary>
    /// <param name="activation">The activation.</param>
    /// <param name="x">What it takes.</param>
    /// <returns>Its result.</returns>
    public OnnxValue Activate(Activation activation, OnnxValue x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return OnnxTorchLayers.Activate(this, activation, x);
    }

    /// <inheritdoc/>
    public void Dispose() => own.ForEach(value => value.Dispose());

    /// <summary>The exception for a module that cannot take images of any size.</summary>
    internal MultiInputException NeedsFixedSize(string what) => new(
        $"module '{module}'", ModelComponent.Description, $"it is {what}, which needs images of a fixed size.", "Leave out the dynamic size.");

    /// <summary>Declares an input.</summary>
    internal OnnxValue Input(string name, ScalarType? type, params long[] shape)
    {
        var value = new OnnxValue(Unique(name), type, shape);
        inputs.Add(value);
        return value;
    }

    /// <summary>Gives a value to the outside, under a name.</summary>
    internal void Output(string name, OnnxValue value)
    {
        module = "";
        var output = Unique(name);
        nodes.Add(new(Unique($"{name}/Identity"), "", "Identity", [value.Name], output, []));
        outputs.Add(new(output, value.Type, value.Shape));
    }

    /// <summary>Begins the path of an input.</summary>
    /// <param name="parts">The layers that it has for itself in its base.</param>
    /// <param name="adaptersFollow">Whether its adapters come after their convolutions.</param>
    internal void Begin(IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts, bool adaptersFollow) => layers = new(this, parts, adaptersFollow);

    /// <summary>What computes the result of a base's first convolution for the current input.</summary>
    /// <param name="first">The convolution.</param>
    /// <param name="weight">The weights of what replaces it.</param>
    /// <param name="bias">Its bias.</param>
    /// <param name="x">What it takes.</param>
    internal void Replace(Conv2d first, Tensor weight, Tensor? bias, OnnxValue x) => layers.Entrance = (first, () => layers.Convolve(
        new(OnnxLayers.Of(x), InferenceGraph.Double(weight), InferenceGraph.Double(bias, weight.shape[0]), bias is null ? [weight] : [weight, bias])
        {
            Stride = first.stride, Padding = first.padding ?? throw new NotSupportedException(first.GetName()), Dilation = first.dilation,
        }));

    private string Unique(string name)
    {
        var free = name;
        for (var i = 1; !names.Add(free); i++)
            free = $"{name}_{i}";
        return free;
    }
}
