using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace MultiInputNet.Tests.Foundation;

/// <summary>Each in a process of its own: the setting is the process's.</summary>
public sealed class FreedMemoryTests
{
    private const long Bytes = 64 << 20;

    private static bool IsGlibc => OperatingSystem.IsLinux() && RuntimeInformation.RuntimeIdentifier.StartsWith("linux-", StringComparison.Ordinal)
        && !RuntimeInformation.RuntimeIdentifier.StartsWith("linux-musl", StringComparison.Ordinal);

    [Fact]
    public void Kept_memory_is_used_again_without_page_faults()
    {
        if (!IsGlibc)
            return;

        Run("keep").Should().StartWith("True ", "glibc takes the setting");
        Faults(Run("keep")).Should().BeLessThan(Bytes / Environment.SystemPageSize / 10);
        Faults(Run("leave")).Should().BeGreaterThan(Bytes / Environment.SystemPageSize / 10, "nothing is kept unasked");
    }

    /// <summary>Prints whether memory is kept, and how many page faults it takes to fill a freed block once more.</summary>
    public static int Measure(string mode)
    {
        var kept = mode == "keep" && FreedMemory.Keep();
        Fill();
        var before = CountFaults();
        Fill();
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kept} {CountFaults() - before}"));
        return 0;

        static unsafe void Fill()
        {
            var block = NativeMemory.Alloc((nuint)Bytes);
            new Span<byte>(block, (int)Bytes).Fill(1);
            NativeMemory.Free(block);
        }

        // The tenth number of /proc/self/stat; the second is a name in brackets.
        static long CountFaults() =>
            long.Parse(File.ReadAllText("/proc/self/stat").Split(") ")[^1].Split(' ')[7], CultureInfo.InvariantCulture);
    }

    private static long Faults(string printed) => long.Parse(printed.Split(' ')[1], CultureInfo.InvariantCulture);

    private static string Run(string mode)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(FreedMemoryTests).Assembly.Location, "memory", mode])
        {
            RedirectStandardOutput = true,
        })!;
        var printed = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0);
        return printed;
    }
}
