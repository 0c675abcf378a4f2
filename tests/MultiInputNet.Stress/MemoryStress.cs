namespace MultiInputNet.Stress;

/// <summary>
/// Runs each of <see cref="MemoryParts"/> in a process of its own, so that none uses the memory that another one has freed, and none takes
/// the machine along.
/// </summary>
internal static class MemoryStress
{
    private const long MostBytes = 4L << 30;

    public static string Run(TimeSpan time)
    {
        var share = time.TotalSeconds / MemoryParts.All.Count;
        foreach (var part in MemoryParts.All.Keys)
        {
            using var child = new ChildProcess("memory-of", part, FormattableString.Invariant($"{share}"));
            var (code, errors) = child.WaitForExit(MostBytes);
            if (code != 0)
                throw new StressException($"{part}: {errors}");
            Console.WriteLine(child.Read());
        }

        return $"{MemoryParts.All.Count} parts within their bounds";
    }
}
