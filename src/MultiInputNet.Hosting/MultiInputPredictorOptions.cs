using MultiInputNet.Images;

namespace MultiInputNet.Hosting;

/// <summary>Options of a served predictor.</summary>
public sealed class MultiInputPredictorOptions
{
    /// <summary>How a file is loaded, such as the device.</summary>
    /// <value>Default: <see langword="null"/>, the defaults of <see cref="PredictorOptions"/>.</value>
    public PredictorOptions? Predictor { get; set; }

    /// <summary>How samples of concurrent requests are joined, and how many may wait.</summary>
    /// <value>Default: batches of at most 32, a wait of at most 2 milliseconds, and at most 1024 samples waiting.</value>
    public BatchingOptions Batching { get; set => field = value ?? throw new ArgumentNullException(nameof(Batching)); } = new();

    /// <summary>The most bytes that a request may have, at least 1.</summary>
    /// <value>Default: 16,777,216, 16 MiB.</value>
    public int LargestRequest { get; set => field = (int)AtLeastOne(value, nameof(LargestRequest)); } = 16 * 1024 * 1024;

    /// <summary>
    /// The most pixels that an image file may have, at least 1, whatever its size in bytes. At most as many images as there are processors
    /// are decoded at the same time.
    /// </summary>
    /// <value>Default: 16,777,216, as in 4096×4096, a quarter of <see cref="ImageFiles.LargestImage"/>; decoding takes up to 0.4 GB.</value>
    public long LargestImage { get; set => field = AtLeastOne(value, nameof(LargestImage)); } = 4096 * 4096;

    private static long AtLeastOne(long value, string name) => value >= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give at least 1.");
}
