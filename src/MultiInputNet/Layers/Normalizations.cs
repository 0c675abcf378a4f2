using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A normalisation of this library that does not derive from one of TorchSharp's.</summary>
internal interface INormalization;

/// <summary>Which modules are normalisations.</summary>
internal static class Normalizations
{
    public static bool Contains(nn.Module module) => module is INormalization or BatchNorm or GroupNorm or InstanceNorm or LayerNorm or LocalResponseNorm;

    /// <summary>Whether it is one, or a user's module, of which nothing is known.</summary>
    public static bool MayContain(nn.Module module) => Contains(module) || UserModules.Contains(module);
}
