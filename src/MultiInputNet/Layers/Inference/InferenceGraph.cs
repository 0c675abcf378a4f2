using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>What the layers of one input's path compute in evaluation mode, as operations on maps that are written down.</summary>
/// <param name="parts">The layers that the input has for itself, by those that they replace or adapt.</param>
/// <param name="adaptersFollow">Whether adapters come after their convolutions, instead of beside them.</param>
internal abstract class InferenceGraph(IReadOnlyDictionary<nn.Module, nn.Module<Tensor, Tensor>>? parts, bool adaptersFollow)
{
    /// <summary>The first convolution of the base, if something of the input's own computes its result.</summary>
    public (Conv2d Replaced, Func<InferenceValue> Result)? Entrance { get; set; }

    /// <summary>Runs a layer.</summary>
    /// <exception cref="NotSupportedException">The layer does not say what it computes.</exception>
    public virtual InferenceValue Run(nn.Module layer, InferenceValue input) => layer switch
    {
        IInferenceLayer known => known.Trace(this, input),
        Conv2d conv when Entrance is var (replaced, result) && conv == replaced => result(),
        Conv2d conv => Convolve(conv, input),
        BatchNorm norm => Normalize(input, norm),
        GroupNorm norm => Normalize(input, norm),
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
    public abstract InferenceValue Convolve(InferenceConvolution convolution);

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
    public abstract InferenceValue Scale(InferenceValue x, Tensor factor, Tensor shift, object origin);

    /// <summary>An activation.</summary>
    public abstract InferenceValue Activate(InferenceValue x, Activation kind);

    /// <summary>The sum of two maps.</summary>
    public abstract InferenceValue Add(InferenceValue x, InferenceValue y);

    /// <summary>The maximum of each window.</summary>
    public abstract InferenceValue MaxPool(InferenceValue x, long size, long stride, long padding = 0, bool ceiling = false);

    /// <summary>The mean of each window; what is outside the map does not count.</summary>
    public abstract InferenceValue AveragePool(InferenceValue x, long size, long stride, bool ceiling);

    /// <summary>Multiplies each channel of a map by a gate that is computed from the means of all channels.</summary>
    public abstract InferenceValue Gate(InferenceValue x, Func<InferenceValue, InferenceValue> gate);

    /// <summary>A sigmoid, or its piecewise linear approximation.</summary>
    public abstract InferenceValue Sigmoid(InferenceValue x, bool hard);

    /// <summary>Layer normalisation over the channels at each position.</summary>
    public abstract InferenceValue NormalizeChannels(InferenceValue x, Tensor weight, Tensor bias, double epsilon, object origin);

    /// <summary>Batch normalisation with running statistics.</summary>
    /// <param name="x">The map.</param>
    /// <param name="statistics">The layer whose running statistics are used.</param>
    /// <param name="scaled">The layer whose scale and shift are used, if it has them.</param>
    protected abstract InferenceValue Normalize(InferenceValue x, BatchNorm statistics, BatchNorm scaled);

    /// <summary>Group normalisation.</summary>
    protected abstract InferenceValue Normalize(InferenceValue x, GroupNorm norm);

    /// <summary>Weights in double precision.</summary>
    public static Tensor Double(Tensor values) => values.detach().to(ScalarType.Float64);

    /// <summary>A bias in double precision, of zeros if there is none.</summary>
    public static Tensor Double(Tensor? bias, long count) => bias is null ? zeros(count, ScalarType.Float64) : Double(bias);

    private InferenceValue Normalize(InferenceValue x, BatchNorm norm)
    {
        var own = parts?.GetValueOrDefault(norm) as BatchNorm;
        var statistics = own ?? norm;
        return statistics.running_mean is null || statistics.running_var is null
            ? throw new NotSupportedException(norm.GetName())
            : Normalize(x, statistics, own is { affine: true } ? own : norm);
    }

    /// <summary>The shape of a pooled map.</summary>
    private protected static MapShape Pooled(MapShape shape, long size, long stride, long padding, bool ceiling)
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
