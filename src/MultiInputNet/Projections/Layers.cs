using System.ComponentModel;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The small layers that projections and bases share.</summary>
internal static class Layers
{
    public static nn.Module<Tensor, Tensor>? Normalize(Normalization kind, int channels) => kind switch
    {
        Normalization.None => null,
        Normalization.Batch => nn.BatchNorm2d(channels),
        Normalization.Group => GroupNorm(GreatestCommonDivisor(8, channels), channels),
        Normalization.Layer => GroupNorm(1, channels),
        _ => throw new InvalidEnumArgumentException(nameof(kind), (int)kind, typeof(Normalization)),
    };

    /// <summary>The activation, in place where autograd allows it: <paramref name="x"/> must not be needed by the layer that made it.</summary>
    public static Tensor Activate(Activation kind, Tensor x) => kind switch
    {
        Activation.None => x,
        Activation.ReLU => x.relu_(),
        Activation.LeakyReLU => nn.functional.leaky_relu(x, 0.01, inplace: true),
        Activation.GELU => nn.functional.gelu(x),
        Activation.SiLU => nn.functional.silu(x),
        Activation.Tanh => x.tanh(),
        _ => throw new InvalidEnumArgumentException(nameof(kind), (int)kind, typeof(Activation)),
    };

    /// <summary>TorchSharp 0.107 leaves the parameters of this module as the memory was; torch begins with ones and zeros.</summary>
    private static GroupNorm GroupNorm(int groups, int channels)
    {
        var norm = nn.GroupNorm(groups, channels);
        nn.init.ones_(norm.weight);
        nn.init.zeros_(norm.bias);
        return norm;
    }

    private static int GreatestCommonDivisor(int a, int b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);
}
