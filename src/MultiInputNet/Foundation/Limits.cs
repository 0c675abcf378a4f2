namespace MultiInputNet;

/// <summary>Sizes beyond which a description is taken for a mistake, or for a file that should not be trusted.</summary>
internal static class Limits
{
    public const int LargestSize = 65_536;
    public const int LargestVocabulary = 10_000_000;
    public const long LargestSample = 1L << 28;
    public const long LargestModel = 10_000_000_000;
    public const int LargestDepth = 1_000;

    /// <summary>Values of maps in memory at any one time when a model is loaded: 1 GB in single precision.</summary>
    public const long LargestPass = 1L << 28;

    private const long MostBatchBytes = 64 << 20;

    /// <summary>As many samples as fit into 64 MiB, at least 1.</summary>
    /// <param name="sampleBytes">The bytes per sample.</param>
    /// <param name="most">The upper limit.</param>
    public static int BatchSize(long sampleBytes, int most) => (int)Math.Clamp(MostBatchBytes / Math.Max(1, sampleBytes), 1, most);
}
