using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Modules by name, which can be moved and converted: a <c>ModuleDict</c> of TorchSharp 0.107 throws at either.</summary>
internal sealed class NamedModules<T> : ModuleDict<T>
    where T : nn.Module
{
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
    {
        foreach (var module in values())
        {
            if (dtype is null)
                module.to(device!, non_blocking);
            else if (device is null)
                module.to(dtype.Value, non_blocking);
            else
                module.to(device, dtype.Value, non_blocking);
        }

        if (device is not null)
            (_deviceType, _deviceIndex) = (device.type, device.index);
    }
}
