using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Modules that are neither this library's nor TorchSharp's, so that nothing is known of what they do.</summary>
internal static class UserModules
{
    public static bool Contains(nn.Module module) =>
        module.GetType().Assembly is var home && home != typeof(UserModules).Assembly && home != typeof(nn.Module).Assembly;
}
