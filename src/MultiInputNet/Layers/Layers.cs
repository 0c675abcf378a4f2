using System.ComponentModel;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Small layers that projections and bases share.</summary>
internal static class Layers
{
    public static nn.Module<Tensor, Tensor>? Normalize(Normalization kind, int channels) => kind switch
    {
        Normalization.None => null,
        Normalization.Batch => new BatchNormalization(channels),
        Normalization.Group => GroupNorm(GreatestCommonDivisor(8, channels), channels),
        Normalization.Layer => GroupNorm(1, channels),
        _ => throw new InvalidEnumArgumentException(nameof(kind), (int)kind, typeof(Normalization)),
    };

    /// <summary>
    /// The activation, in place if autograd allows it: the layer that produced <paramref name="x"/> must not need it afterwards. If not in
    /// place, the result is another tensor.
    /// </summary>
    public static Tensor Activate(Activation kind, Tensor x, bool inPlace = true) => kind switch
    {
        Activation.None => inPlace ? x : x.alias(),
        Activation.ReLU => inPlace ? x.relu_() : x.relu(),
        Activation.LeakyReLU => nn.functional.leaky_relu(x, 0.01, inPlace),
        Activation.GELU => nn.functional.gelu(x),
        Activation.SiLU => nn.functional.silu(x),
        Activation.HardSwish => nn.functional.hardswish(x),
        Activation.Tanh => x.tanh(),
        _ => throw new InvalidEnumArgumentException(nameof(kind), (int)kind, typeof(Activation)),
    };

    /// <summary>A convolution that keeps the size of a map, apart from its stride.</summary>
    public static nn.Module<Tensor, Tensor> Convolution(int inChannels, int outChannels, int kernelSize, int stride, int groups = 1, bool bias = false) =>
        kernelSize == 1
            ? new PointwiseConvolution(inChannels, outChannels, stride, bias)
            : nn.Conv2d(inChannels, outChannels, kernelSize, stride, padding: kernelSize / 2, groups: groups, bias: bias);

    /// <summary>Runs layers one after another.</summary>
    public static Tensor Chain(IEnumerable<nn.Module<Tensor, Tensor>> layers, Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input;
        foreach (var layer in layers)
            x = layer.call(x);
        return x.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Randomly drops samples of a residual branch in training mode (stochastic depth; Huang et al., 2016) and scales the others to keep
    /// the mean.
    /// </summary>
    public static Tensor StochasticDepth(Tensor x, double chance, bool training)
    {
        if (!training || chance == 0)
            return x;
        var shape = Enumerable.Repeat(1L, (int)x.dim()).ToArray();
        shape[0] = x.shape[0];
        return x * empty(shape, x.dtype, x.device).bernoulli_(1 - chance).div_(1 - chance);
    }

    /// <summary>
    /// Draws the weights of all convolutions from a normal distribution scaled by fan-out (He et al., 2015), with zero biases.
    /// </summary>
    public static void InitializeConvolutions(nn.Module module)
    {
        foreach (var layer in module.modules())
        {
            var (weight, bias) = layer switch
            {
                Conv2d conv => (conv.weight, conv.bias),
                PointwiseConvolution conv => (conv.Weight, conv.Bias),
                _ => (null, null),
            };
            if (weight is not null)
                nn.init.normal_(weight, std: Math.Sqrt(2.0 * weight.shape[1] / weight.numel()));
            if (bias is not null)
                nn.init.zeros_(bias);
        }
    }

    /// <summary>
    /// Rounds to the nearest multiple of 8 that is at most a tenth smaller, as MobileNet and EfficientNet round their widths.
    /// </summary>
    public static int ToMultipleOf8(double width)
    {
        var nearest = Math.Max(8, (int)(width + 4) / 8 * 8);
        return nearest < 0.9 * width ? nearest + 8 : nearest;
    }

    /// <summary>TorchSharp 0.107 leaves the parameters of this module uninitialised; torch begins with ones and zeros.</summary>
    private static GroupNorm GroupNorm(int groups, int channels)
    {
        var norm = nn.GroupNorm(groups, channels);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
