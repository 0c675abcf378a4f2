using System.Runtime.InteropServices;

/// <summary>The C library's allocator, which libtorch takes its memory from.</summary>
internal static partial class Allocator
{
    // Their numbers in malloc.h.
    private const int TrimThreshold = -1;
    private const int MmapThreshold = -3;

    /// <summary>
    /// Lets it keep freed memory. Otherwise it gives large blocks back to the system, at its own discretion, and their page faults are
    /// most of the time that some ways take, now for one side of a comparison and now for the other.
    /// </summary>
    public static void KeepMemory()
    {
        if (OperatingSystem.IsLinux() && (SetOption(TrimThreshold, int.MaxValue) == 0 || SetOption(MmapThreshold, int.MaxValue) == 0))
            throw new InvalidOperationException("The allocator refuses to keep memory.");
    }

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetOption(int option, int value);
}
