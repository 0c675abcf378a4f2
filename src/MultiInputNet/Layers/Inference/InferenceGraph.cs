using System.Globalization;
using System.Text;
using TorchSharp;
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
internal sealed class InferenceGraph(
    InferenceConstants constants, IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts, bool adaptersFollow)
{
    private readonly StringBuilder body = new();
    private int count;

    /// <summary>The first convolution of the base, if something of the input's own computes its result.</summary>
    public (Conv2d Replaced, Func<InferenceValue> Result)? Entrance { get; set; }

    /// <summary>The statements so far.</summary>
    public string Body => body.ToString();

    /// <summary>Runs a layer.</summary>
    /// <exception cref="NotSupportedException">The layer does not say what it computes.</exception>
    public InferenceValue Run(nn.Module layer, InferenceValue input) => layer switch
    {
        IInferenceLayer known => known.Trace(this, input),
        Conv2d conv when Entrance is var (replaced, result) && conv == replaced => result(),
        Conv2d conv => Convolve(conv, input),
        BatchNorm norm => Normalize(norm, input),
        GroupNorm norm => Normalize(norm, input),
        LayerNorm norm => NormalizeChannels(input, norm.weight!, norm.bias!, norm.eps, norm),
        Linear linear => Convolve(new(input, Double(linear.weight!)[.., .., TensorIndex.None, TensorIndex.None], Double(linear.bias, linear.out_features), [linear])),
        Identity => input,
        Sequential layers => layers.children().Aggregate(input, (x, child) => Run(child, x)),
        _ => throw new NotSupportedException(layer.GetName()),
    };

    /// <summary>Runs a convolution, with the input's adapter folded into it.</summary>
    public InferenceValue Convolve(Conv2d conv, InferenceValue input)
    {
        if (conv.padding is null || conv.padding_mode != PaddingModes.Zeros)
            throw new NotSupportedException(conv.GetName());
        var (weight, bias, origin) = Weights(conv);
        return Convolve(new(input, weight, bias, origin) { Stride = conv.stride, Padding = conv.padding, Dilation = conv.dilation, Groups = conv.groups });
    }

    /// <summary>Runs a convolution.</summary>
    public InferenceValue Convolve(InferenceConvolution convolution)
    {
        // What it takes is computed before it, not when it is needed.
        Name(convolution.Input);
        return new(convolution.Result) { Pending = convolution, IsFresh = true };
    }

    /// <summary>The weights of a convolution with the input's adapter, in double precision.</summary>
    public (Tensor Weight, Tensor Bias, IReadOnlyList<object> Origin) Weights(Conv2d conv)
    {
        var weight = Double(conv.weight);
        var bias = Double(conv.bias, conv.out_channels);
        if (parts?.GetValueOrDefault(conv) is not Conv2d adapter)
            return (weight, bias, [conv]);
        var own = Double(adapter.weight);
        if (!adaptersFollow)
        {
            // It adds what the centre of the kernel sees.
            var (top, left) = (weight.shape[2] / 2, weight.shape[3] / 2);
            weight = weight.clone();
            weight[.., .., (int)top, (int)left] += own.flatten(1);
        }
        else
        {
            var groups = (int)conv.groups;
            Tensor Apply(Tensor values) => values + cat([.. own.flatten(1).chunk(groups).Zip(values.flatten(1).chunk(groups), (a, x) => a.matmul(x))]).view(values.shape);
            (weight, bias) = (Apply(weight), Apply(bias.view(-1, 1)).view(-1));
        }

        return (weight, bias, [conv, adapter]);
    }

    /// <summary>Multiplies each channel by a factor and adds a shift.</summary>
    public InferenceValue Scale(InferenceValue x, Tensor factor, Tensor shift, object origin)
    {
        if (x.Pending is { IsLinear: true } convolution && x.Name is null)
        {
            convolution.Scale(factor, shift, origin);
            return x;
        }

        Tensor Channels(Tensor values) => values.to(ScalarType.Float32).view(1, -1, 1, 1);
        return Emit(x.Shape, $"torch.addcmul({Constant(Channels(shift), origin, "shift")}, {Name(x)}, {Constant(Channels(factor), origin, "factor")})");
    }

    /// <summary>An activation.</summary>
    public InferenceValue Activate(InferenceValue x, Activation kind)
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

    /// <summary>The sum of two maps.</summary>
    public InferenceValue Add(InferenceValue x, InferenceValue y)
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

    /// <summary>The maximum of each window.</summary>
    public InferenceValue MaxPool(InferenceValue x, long size, long stride, long padding = 0, bool ceiling = false) => Emit(
        Pooled(x.Shape, size, stride, padding, ceiling),
        $"torch.max_pool2d({Name(x)}, [{size}, {size}], [{stride}, {stride}], [{padding}, {padding}], [1, 1], {Text(ceiling)})");

    /// <summary>The mean of each window; what is outside the map does not count.</summary>
    public InferenceValue AveragePool(InferenceValue x, long size, long stride, bool ceiling) => Emit(
        Pooled(x.Shape, size, stride, 0, ceiling),
        $"torch.avg_pool2d({Name(x)}, [{size}, {size}], [{stride}, {stride}], [0, 0], {Text(ceiling)}, True, None)");

    /// <summary>Multiplies each channel of a map by a gate that is computed from the means of all channels.</summary>
    public InferenceValue Gate(InferenceValue x, Func<InferenceValue, InferenceValue> gate)
    {
        var name = Name(x);
        var means = Emit(new(x.Shape.Channels, 1, 1), $"torch.mean({name}, [2, 3], True)");
        return Emit(x.Shape, $"torch.mul{(x.IsFresh ? "_" : "")}({name}, {Name(gate(means))})");
    }

    /// <summary>A sigmoid, or its piecewise linear approximation.</summary>
    public InferenceValue Sigmoid(InferenceValue x, bool hard) => Emit(x.Shape, $"torch.{(hard ? "hard" : "")}sigmoid({Name(x)})");

    /// <summary>Layer normalisation over the channels at each position.</summary>
    public InferenceValue NormalizeChannels(InferenceValue x, Tensor weight, Tensor bias, double epsilon, object origin)
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

    /// <summary>Weights in double precision.</summary>
    public static Tensor Double(Tensor values) => values.detach().to(ScalarType.Float64);

    /// <summary>A bias in double precision, of zeros if there is none.</summary>
    public static Tensor Double(Tensor? bias, long count) => bias is null ? zeros(count, ScalarType.Float64) : Double(bias);

    /// <summary>The factor and shift of a batch normalisation in evaluation mode, in double precision.</summary>
    private InferenceValue Normalize(BatchNorm norm, InferenceValue x)
    {
        var own = parts?.GetValueOrDefault(norm) as BatchNorm;
        var (statistics, scaled) = (own ?? norm, own is { affine: true } ? own : norm);
        if (statistics.running_mean is null || statistics.running_var is null)
            throw new NotSupportedException(norm.GetName());
        var factor = 1 / (Double(statistics.running_var) + statistics.eps).sqrt();
        var shift = -Double(statistics.running_mean) * factor;
        if (scaled.weight is { } weight)
            (factor, shift) = (factor * Double(weight), shift * Double(weight));
        if (scaled.bias is { } bias)
            shift += Double(bias);
        return Scale(x, factor, shift, own ?? (object)norm);
    }

    private InferenceValue Normalize(GroupNorm norm, InferenceValue x) => Emit(
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

    private static MapShape Pooled(MapShape shape, long size, long stride, long padding, bool ceiling)
    {
        return shape with { Height = Of(shape.Height), Width = Of(shape.Width) };

        long Of(long length)
        {
            var count = (length + 2 * padding - size + (ceiling ? stride - 1 : 0)) / stride + 1;

            // A window that would begin beyond the map is left out.
            return ceiling && (count - 1) * stride >= length + padding ? count - 1 : count;
        }
    }
}
