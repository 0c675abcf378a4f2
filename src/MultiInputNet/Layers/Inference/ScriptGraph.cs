using System.Globalization;
using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// What the layers of one input's path compute in evaluation mode, written down as a function of an <see cref="InferenceProgram"/>. What
/// follows a convolution is folded into it: normalisations and adapters into its weights, an addition and an activation into its call.
/// </summary>
/// <param name="constants">The weights, which functions share.</param>
/// <param name="parts">The layers that the input has for itself, by those that they replace or adapt.</param>
/// <param name="adaptersFollow">Whether adapters come after their convolutions, instead of beside them.</param>
/// <param name="batch">The size of the only batches that it is for; null if it is for all. Then 1×1 convolutions are matrix products.</param>
internal sealed class ScriptGraph(
    InferenceConstants constants, IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts, bool adaptersFollow, long? batch)
    : InferenceGraph(parts, adaptersFollow)
{
    // The layout of weights larger than 1×1 is the same for all batches of several samples, but for odd shapes.
    private const long TypicalBatch = 8;

    private readonly StringBuilder body = new();
    private int count;

    /// <summary>The statements so far.</summary>
    public string Body => body.ToString();

    /// <summary>Whether a 1×1 convolution is not a matrix product.</summary>
    public bool ConvolvesPointwise { get; private set; }

    /// <inheritdoc/>
    public override InferenceValue Convolve(InferenceConvolution convolution)
    {
        if (convolution.Groups > 1 && !convolution.IsDepthwise)
            convolution.Input = Exact(convolution.Input);

        // What it takes is computed before it, not when it is needed.
        Name(convolution.Input);
        var channels = convolution.Weight.shape[0];
        if (convolution.IsDepthwise)
            channels = convolution.Input.Channels;
        else if (convolution.IsPointwise && !IsProduct(convolution))
            channels = InEqualBlocks(channels);
        return new(convolution.Result) { Pending = convolution, IsFresh = true, Channels = channels };
    }

    /// <inheritdoc/>
    public override InferenceValue Scale(InferenceValue x, Tensor factor, Tensor shift, object origin)
    {
        if (x.Pending is { IsLinear: true } convolution && x.Name is null)
        {
            convolution.Scale(factor, shift, origin);
            return x;
        }

        Tensor Channels(Tensor values) => nn.functional.pad(values.to(ScalarType.Float32), [0, x.Channels - values.numel()]).view(1, -1, 1, 1);
        return Emit(x, $"torch.addcmul({Constant(Channels(shift), origin, $"shift {x.Channels}")}, {Name(x)}, {Constant(Channels(factor), origin, $"factor {x.Channels}")})");
    }

    /// <inheritdoc/>
    public override InferenceValue Activate(InferenceValue x, Activation kind)
    {
        if (kind == Activation.None)
            return x;
        if (x.Pending is { Activation: Activation.None } convolution && x.Name is null)
        {
            convolution.Activation = kind;
            return x;
        }

        return Emit(x, Call(kind, Name(x), x.IsFresh));
    }

    /// <inheritdoc/>
    public override InferenceValue Add(InferenceValue x, InferenceValue y)
    {
        if (x.Channels != y.Channels)
            (x, y) = (Exact(x), Exact(y));
        if (x.Pending is not { IsLinear: true } || x.Name is not null)
            (x, y) = (y, x);
        if (x.Pending is { IsLinear: true } convolution && x.Name is null)
        {
            Name(y);
            convolution.Added = y;
            return x;
        }

        return Emit(x, $"torch.add({Name(x)}, {Name(y)})");
    }

    /// <inheritdoc/>
    public override InferenceValue MaxPool(InferenceValue x, long size, long stride, long padding = 0, bool ceiling = false)
    {
        var pooled = Pooled(x.Shape, size, stride, padding, ceiling);
        if (stride != 2 || (size, padding) is not ((2, 0) or (3, 1)) || x.Shape.Height % 2 != 0 || x.Shape.Width % 2 != 0)
            return Emit(pooled, $"torch.max_pool2d({Name(x)}, [{size}, {size}], [{stride}, {stride}], [{padding}, {padding}], [1, 1], {Text(ceiling)})", x.Channels);

        // libtorch's own pooling also finds out where each maximum is, which takes about twice as long.
        return Emit(pooled, Maxima(Maxima(Name(x), 3), 2), x.Channels);

        string Maxima(string name, int dimension)
        {
            var odd = Slice(name, "1", "2");
            var pairs = Declare($"torch.maximum({Slice(name, "0", "2")}, {odd})");
            if (size == 3)
            {
                // All but the first window begin one before their pair.
                var others = Slice(pairs, "1", "1");
                Declare($"torch.maximum({others}, {Slice(odd, "0", "1", end: "-1")}, out={others})");
            }

            return pairs;

            string Slice(string of, string start, string step, string end = "9223372036854775807") =>
                Declare($"torch.slice({of}, {dimension}, {start}, {end}, {step})");
        }
    }

    /// <inheritdoc/>
    public override InferenceValue AveragePool(InferenceValue x, long size, long stride, bool ceiling) => Emit(
        Pooled(x.Shape, size, stride, 0, ceiling),
        $"torch.avg_pool2d({Name(x)}, [{size}, {size}], [{stride}, {stride}], [0, 0], {Text(ceiling)}, True, None)",
        x.Channels);

    /// <inheritdoc/>
    public override InferenceValue Gate(InferenceValue x, Func<InferenceValue, InferenceValue> gate)
    {
        var gates = gate(Emit(new(x.Shape.Channels, 1, 1), $"torch.mean({Name(x)}, [2, 3], True)", x.Channels));
        if (gates.Channels != x.Channels)
            (x, gates) = (Exact(x), Exact(gates));
        return Emit(x, $"torch.mul{(x.IsFresh ? "_" : "")}({Name(x)}, {Name(gates)})");
    }

    /// <inheritdoc/>
    public override InferenceValue Sigmoid(InferenceValue x, bool hard) => Emit(x, $"torch.{(hard ? "hard" : "")}sigmoid({Name(x)})");

    /// <inheritdoc/>
    public override InferenceValue NormalizeChannels(InferenceValue x, Tensor weight, Tensor bias, double epsilon, object origin)
    {
        var positions = $"torch.permute({Name(Exact(x))}, [0, 2, 3, 1])";
        var normalized = $"torch.layer_norm({positions}, [{x.Shape.Channels}], {Constant(weight, origin, "weight")}, {Constant(bias, origin, "bias")}, {Text(epsilon)}, True)";
        return Emit(x.Shape, $"torch.permute({normalized}, [0, 3, 1, 2])", x.Shape.Channels);
    }

    /// <summary>One more channel, of ones, at the end of a map; channels-last.</summary>
    public InferenceValue WithOnes(InferenceValue x) => Emit(
        x.Shape with { Channels = x.Shape.Channels + 1 },
        $"torch.permute(torch.constant_pad_nd(torch.permute({Name(x)}, [0, 2, 3, 1]), [0, 1], 1), [0, 3, 1, 2])",
        x.Shape.Channels + 1);

    /// <summary>A value with the channels of its shape alone.</summary>
    public InferenceValue Exact(InferenceValue x) => x.Channels == x.Shape.Channels
        ? x
        : Emit(x.Shape, $"torch.contiguous(torch.narrow({Name(x)}, 1, 0, {x.Shape.Channels}), memory_format=2)", x.Shape.Channels);

    /// <summary>The name of a value, which is computed if it is not yet.</summary>
    public string Name(InferenceValue value)
    {
        if (value.Name is not null)
            return value.Name;
        var conv = value.Pending!;
        var (added, activation) = (conv.Added is null ? null : Name(conv.Added), conv.Activation);
        if (IsProduct(conv))
            value.Name = Declare(constants.CallProduct(conv, Name(conv.Input), value.Channels));
        else if (added is null)
            (value.Name, activation) = (Convolve(activation, null), Activation.None);
        else if (conv.Result.Positions > 1 && activation is Activation.None or Activation.ReLU)
            (value.Name, added, activation) = (Convolve(activation, added), null, Activation.None);
        else
            value.Name = Convolve(Activation.None, null);
        if (added is not null)
            value.Name = Declare($"torch.add_({value.Name}, {added})");
        if (activation != Activation.None)
            value.Name = Declare(Call(activation, value.Name, inPlace: true));
        return value.Name;

        string Convolve(Activation activation, string? added)
        {
            ConvolvesPointwise |= conv.IsPointwise;
            return Declare(constants.Call(conv, Name(conv.Input), activation, added, value.Channels, conv.IsPointwise ? batch!.Value : TypicalBatch));
        }
    }

    protected override InferenceValue Normalize(InferenceValue x, BatchNorm statistics, BatchNorm scaled)
    {
        var factor = 1 / (Double(statistics.running_var!) + statistics.eps).sqrt();
        var shift = -Double(statistics.running_mean!) * factor;
        if (scaled.weight is { } weight)
            (factor, shift) = (factor * Double(weight), shift * Double(weight));
        if (scaled.bias is { } bias)
            shift += Double(bias);
        return Scale(x, factor, shift, statistics);
    }

    protected override InferenceValue Normalize(InferenceValue x, GroupNorm norm) => Emit(
        x.Shape,
        $"torch.group_norm({Name(Exact(x))}, {norm.num_groups}, {Constant(norm.weight!, norm, "weight")}, {Constant(norm.bias!, norm, "bias")}, {Text(norm.eps)}, True)",
        x.Shape.Channels);

    private InferenceValue Emit(MapShape shape, string expression, long channels) => new(shape) { Name = Declare(expression), IsFresh = true, Channels = channels };

    private InferenceValue Emit(InferenceValue like, string expression) => Emit(like.Shape, expression, like.Channels);

    /// <summary>
    /// Whether a convolution is a matrix product: a 1×1 one. oneDNN is faster, but only where the weights have the layout that it chooses,
    /// which depends on the size of the batch; it takes many times longer to change it.
    /// </summary>
    private bool IsProduct(InferenceConvolution conv) => conv.IsPointwise && (batch is null || conv.Input.Shape.Positions == 1);

    /// <summary>
    /// The least number of channels, not less than those given, that oneDNN's 1×1 convolutions divide into equal blocks, of 64, 48, 32 or
    /// 16 channels. oneDNN 3.7 packs weights wrongly where the last block is not full.
    /// </summary>
    private static long InEqualBlocks(long channels)
    {
        if (channels <= 16)
            return 16;
        var rounded = (channels + 31) / 32 * 32;

        // It takes blocks of 48 where at most a twentieth of the last would be empty.
        while (rounded % 48 != 0 && rounded >= 0.95 * ((rounded + 47) / 48 * 48))
            rounded += 32;
        return rounded;
    }

    private static string Call(Activation kind, string name, bool inPlace)
    {
        var end = inPlace ? "_" : "";
        return kind switch
        {
            Activation.ReLU => $"torch.relu{end}({name})",
            Activation.LeakyReLU => $"torch.leaky_relu{end}({name}, 0.01)",
            Activation.GELU => $"torch.gelu{end}({name})",
            Activation.SiLU => $"torch.silu{end}({name})",
            Activation.HardSwish => $"torch.hardswish{end}({name})",
            Activation.Tanh => $"torch.tanh{end}({name})",
            _ => throw new NotSupportedException($"{kind}"),
        };
    }

    private string Declare(string expression)
    {
        var name = $"x{count++}";
        body.Append(CultureInfo.InvariantCulture, $"    {name} = {expression}\n");
        return name;
    }

    private string Constant(Tensor value, object layer, string role) => constants.Plain(value, [layer, role]);

    private static string Text(bool value) => value ? "True" : "False";

    private static string Text(double value) => value.ToString("E17", CultureInfo.InvariantCulture);
}
