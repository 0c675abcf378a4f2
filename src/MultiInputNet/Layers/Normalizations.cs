using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>A normalisation of this library's that derives from none of TorchSharp's.</summary>
internal interface INormalization;

/// <summary>Which modules are normalisations.</summary>
internal static class Normalizations
{
    public static bool Contains(nn.Module module) => module is INormalization or BatchNorm or GroupNorm or InstanceNorm or LayerNorm or LocalResponseNorm;

    /// <summary>Whether it is one, or a module of a user's, of which nothing is known.</summary>
    public static bool MayContain(nn.Module module) => Contains(module) || UserModules.Contains(module);
}
