using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;

namespace MultiInputNet;

/// <summary>The libtorch on which a program runs: loads it, and explains what is wrong with it.</summary>
internal static class Backend
{
    private static Version Version => typeof(torch).Assembly.GetName().Version!;

    /// <summary>Loads libtorch if it is not loaded yet.</summary>
    /// <exception cref="MultiInputException">It cannot be loaded.</exception>
    public static void Load()
    {
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException or DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            throw Explain(e, RuntimeInformation.RuntimeIdentifier, Version);
        }
    }

    /// <summary>Why programs may crash at random, if that is the case.</summary>
    /// <returns>The warning, or <see langword="null"/>.</returns>
    public static string? FindWarning() =>
        FindWarning(typeof(torch).Assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled == true && RuntimeFeature.IsDynamicCodeCompiled, Version);

    internal static string? FindWarning(bool keepsArguments, Version version) => keepsArguments || version >= new Version(0, 108)
        ? null
        : $"TorchSharp {version.ToString(3)} may crash at random here: the garbage collector frees numbers and tensors that native code still reads. "
            + "The build step of the package MultiInputNet cures that: reference the package in the program's project, leave MultiInputNetPatchTorchSharp on, and publish without Native AOT.";

    internal static MultiInputException Explain(Exception cause, string runtimeIdentifier, Version version)
    {
        var name = $"TorchSharp {version.ToString(3)}";
        var system = runtimeIdentifier.Split('-')[0];
        var (problem, cure) = (system, version) switch
        {
            ("win", { Major: 0, Minor: 107, Build: 0 }) => (
                $"{name} does not load on Windows, since its native library does not match the libtorch that it asks for (https://github.com/dotnet/TorchSharp/issues/1567).",
                "Run the program on Linux x64, which WSL is, or on macOS on Apple silicon."),
            _ when runtimeIdentifier is not ("linux-x64" or "osx-arm64") && system is not ("win" or "debian" or "ubuntu") => (
                $"{name} has no native library for {runtimeIdentifier}.",
                "Run the program on Linux x64 with glibc, or on macOS on Apple silicon."),
            _ => (
                "it cannot be loaded; the inner exception says where it was looked for.",
                $"Reference the package TorchSharp-cpu {version.ToString(3)} (or TorchSharp-cuda-linux) in the program's project, and leave MultiInputNetPatchTorchSharp on."),
        };
        return new("libtorch", ModelComponent.Backend, problem, cure, cause);
    }
}
