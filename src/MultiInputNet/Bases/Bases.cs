using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The bases that a model can be described with.</summary>
public static class Bases
{
    /// <summary>The small convolutional base. See <see cref="ConvNetBase"/>; further options with <c>with { ... }</c>.</summary>
    /// <param name="channels">Channels of the maps that it takes; every input is projected to them.</param>
    /// <param name="widths">The channels of each stage; without any, 64 and 128.</param>
    /// <returns>The description.</returns>
    public static ConvNetSpec ConvNet(int channels, params IReadOnlyList<int> widths)
    {
        ArgumentNullException.ThrowIfNull(widths);
        return widths.Count == 0 ? new(channels) : new(channels) { Widths = widths };
    }

    /// <summary>A module of your own that takes and returns a feature map.</summary>
    /// <param name="name">The name it has in the description's JSON.</param>
    /// <param name="channels">Channels of the maps that the module takes.</param>
    /// <param name="factory">Makes a new module, once for each model that is built.</param>
    /// <returns>The description.</returns>
    public static CustomBaseSpec From(string name, int channels, Func<nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new(name, channels) { Factory = factory };
    }

    /// <summary>One module that you made already. It can be built into one model only, which owns it from then on.</summary>
    /// <param name="module">The module.</param>
    /// <param name="channels">Channels of the maps that the module takes.</param>
    /// <returns>The description.</returns>
    public static CustomBaseSpec From(nn.Module<Tensor, Tensor> module, int channels)
    {
        ArgumentNullException.ThrowIfNull(module);
        var used = false;
        return From(module.GetType().Name, channels, () => used
            ? throw new InvalidOperationException(
                "This module belongs to a model already; give Bases.From a factory to build several models from one description.")
            : Use());

        nn.Module<Tensor, Tensor> Use()
        {
            used = true;
            return module;
        }
    }
}
