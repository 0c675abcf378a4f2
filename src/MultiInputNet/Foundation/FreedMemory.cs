using System.Runtime.InteropServices;

namespace MultiInputNet;

/// <summary>What happens to memory that tensors no longer need.</summary>
public static class FreedMemory
{
    // Their numbers in glibc's malloc.h.
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;

    // The largest threshold that glibc before 2.35 accepts.
    private const int LargestOldThreshold = 32 << 20;

    /// <summary>Whether freed memory is kept in this process.</summary>
    internal static bool IsKept { get; private set; }

    /// <summary>
    /// Keeps freed memory for the next tensors, in the whole process and from now on. glibc, the C library of most Linux systems, otherwise
    /// returns large blocks to the system, and the next forward pass has every page of them cleared and mapped again. On the CPU that can
    /// be half of its time. Call it once, at the start of a program; the library never does.
    /// </summary>
    /// <remarks>
    /// Call it before a <see cref="Predictor"/> is loaded, which then runs larger batches at once. It costs memory: the process stays as large as it ever was, for each thread that runs a model. Results do not change. Blocks above
    /// 64 MB are kept on the main thread alone. Nothing changes for models on other devices.
    /// </remarks>
    /// <returns>
    /// Whether it took effect: <see langword="false"/> where the C library is not glibc, as on Windows, macOS and Alpine Linux.
    /// </returns>
    public static bool Keep()
    {
        if (!OperatingSystem.IsLinux() || !NativeLibrary.TryLoad("libc.so.6", out var library))
            return false;
        try
        {
            // Compatibility layers for programs built with glibc have the file, but not its functions.
            return IsKept = NativeLibrary.TryGetExport(library, "mallopt", out _) && SetOption(TrimThreshold, int.MaxValue) != 0
                && (SetOption(MmapThreshold, int.MaxValue) != 0 || SetOption(MmapThreshold, LargestOldThreshold) != 0);
        }
        finally
        {
            NativeLibrary.Free(library);
        }
    }

    [DllImport("libc.so.6", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int option, int value);
}
