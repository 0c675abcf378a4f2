using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Modules by name that can be moved and converted: TorchSharp 0.107's <c>ModuleDict</c> throws in both cases.</summary>
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
