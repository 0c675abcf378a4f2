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
internal sealed class ScriptGraph(
    InferenceConstants constants, IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts, bool adaptersFollow)
    : InferenceGraph(parts, adaptersFollow)
{
    private readonly StringBuilder body = new();
    private int count;

    /// <summary>The statements so far.</summary>
    public string Body => body.ToString();

    /// <inheritdoc/>
    public override InferenceValue Convolve(InferenceConvolution convolution)
    {
        // What it takes is computed before it, not when it is needed.
        Name(convolution.Input);
        return new(convolution.Result) { Pending = convolution, IsFresh = true };
    }

    /// <inheritdoc/>
    public override InferenceValue Scale(InferenceValue x, Tensor factor, Tensor shift, object origin)
    {
        if (x.Pending is { IsLinear: true } convolution && x.Name is null)
        {
            convolution.Scale(factor, shift, origin);
            return x;
        }

        Tensor Channels(Tensor values) => values.to(ScalarType.Float32).view(1, -1, 1, 1);
        return Emit(x.Shape, $"torch.addcmul({Constant(Channels(shift), origin, "shift")}, {Name(x)}, {Constant(Channels(factor), origin, "factor")})");
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

        return Emit(x.Shape, Call(kind, Name(x), x.IsFresh));
    }

    /// <inheritdoc/>
    public override InferenceValue Add(InferenceValue x, InferenceValue y)
    {
        if (x.Pending is not { IsLinear: true } || x.Name is not null)
            (x, y) = (y, x);
        if (x.Pending is { IsLinear: true } convolution && x.Name is null)
        {
            Name(y);
            convolution.Added = y;
            return x;
        }

        return Emit(x.Shape, $"torch.add({Name(x)}, {Name(y)})");
    }

    /// <inheritdoc/>
    public override InferenceValue MaxPool(InferenceValue x, long size, long stride, long padding = 0, bool ceiling = false) => Emit(
        Pooled(x.Shape, size, stride, padding, ceiling),
        $"torch.max_pool2d({Name(x)}, [{size}, {size}], [{stride}, {stride}], [{padding}, {padding}], [1, 1], {Text(ceiling)})");

    /// <inheritdoc/>
    public override InferenceValue AveragePool(InferenceValue x, long size, long stride, bool ceiling) => Emit(
        Pooled(x.Shape, size, stride, 0, ceiling),
        $"torch.avg_pool2d({Name(x)}, [{size}, {size}], [{stride}, {stride}], [0, 0], {Text(ceiling)}, True, None)");

    /// <inheritdoc/>
    public override InferenceValue Gate(InferenceValue x, Func<InferenceValue, InferenceValue> gate)
    {
        var name = Name(x);
        var means = Emit(new(x.Shape.Channels, 1, 1), $"torch.mean({name}, [2, 3], True)");
        return Emit(x.Shape, $"torch.mul{(x.IsFresh ? "_" : "")}({name}, {Name(gate(means))})");
    }

    /// <inheritdoc/>
    public override InferenceValue Sigmoid(InferenceValue x, bool hard) => Emit(x.Shape, $"torch.{(hard ? "hard" : "")}sigmoid({Name(x)})");

    /// <inheritdoc/>
    public override InferenceValue NormalizeChannels(InferenceValue x, Tensor weight, Tensor bias, double epsilon, object origin)
    {
        var positions = $"torch.permute({Name(x)}, [0, 2, 3, 1])";
        var normalized = $"torch.layer_norm({positions}, [{x.Shape.Channels}], {Constant(weight, origin, "weight")}, {Constant(bias, origin, "bias")}, {Text(epsilon)}, True)";
        return Emit(x.Shape, $"torch.permute({normalized}, [0, 3, 1, 2])");
    }

    /// <summary>One more channel, of ones, at the end of a map; channels-last.</summary>
    public InferenceValue WithOnes(InferenceValue x) => Emit(
        x.Shape with { Channels = x.Shape.Channels + 1 },
        $"torch.permute(torch.constant_pad_nd(torch.permute({Name(x)}, [0, 2, 3, 1]), [0, 1], 1), [0, 3, 1, 2])");

    /// <summary>The name of a value, which is computed if it is not yet.</summary>
    public string Name(InferenceValue value)
    {
        if (value.Name is not null)
            return value.Name;
        var conv = value.Pending!;
        var (added, activation) = (conv.Added is null ? null : Name(conv.Added), conv.Activation);
        if (conv.IsPointwise)
            value.Name = Declare(constants.CallPointwise(conv, Name(conv.Input)));
        else if (added is null)
            (value.Name, activation) = (Declare(constants.Call(conv, Name(conv.Input), activation, null)), Activation.None);
        else if (conv.Result.Positions > 1 && activation is Activation.None or Activation.ReLU)
            (value.Name, added, activation) = (Declare(constants.Call(conv, Name(conv.Input), activation, added)), null, Activation.None);
        else
            value.Name = Declare(constants.Call(conv, Name(conv.Input), Activation.None, null));
        if (added is not null)
            value.Name = Declare($"torch.add_({value.Name}, {added})");
        if (activation != Activation.None)
            value.Name = Declare(Call(activation, value.Name, inPlace: true));
        return value.Name;
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
        $"torch.group_norm({Name(x)}, {norm.num_groups}, {Constant(norm.weight!, norm, "weight")}, {Constant(norm.bias!, norm, "bias")}, {Text(norm.eps)}, True)");

    private InferenceValue Emit(MapShape shape, string expression) => new(shape) { Name = Declare(expression), IsFresh = true };

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
