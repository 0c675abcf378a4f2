using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Some samples of sources, the same for the same seed, batch by batch as a model takes them.</summary>
internal static class SampledRows
{
    private const int MostSamples = 128;

    /// <summary>Checks that sources hold inputs of a model.</summary>
    public static void Check(MultiInputModel model, IReadOnlyList<DataSource> sources, int samplesPerInput)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentOutOfRangeException.ThrowIfLessThan(samplesPerInput, 2);
        if (sources.Count == 0)
            throw new ArgumentException("There is no source; give at least one.", nameof(sources));
        if (sources.Contains(null!))
            throw new ArgumentException("One of the sources is null.", nameof(sources));
        foreach (var source in sources)
            ModelCall.CheckNames(model.Description, source.InputNames);
    }

    /// <summary>The rows of each source: about as many samples of each input as asked for, if there are so many.</summary>
    public static IReadOnlyList<long[]> Choose(IReadOnlyList<DataSource> sources, int samplesPerInput, long seed) =>
    [
        .. sources.Select((source, index) =>
        {
            var sharing = source.InputNames.Max(input => sources.Count(other => other.InputNames.Contains(input)));
            var count = Math.Max(1, samplesPerInput / sharing);
            return SeededOrder.Of(source.Count, seed, source.Name, index).Take(count).Order().ToArray();
        }),
    ];

    /// <summary>
    /// Reads rows batch by batch; those that cannot be read are left out. A batch's tensors live until the next is requested.
    /// </summary>
    public static IEnumerable<InputBatch> Read(MultiInputModel model, DataSource source, long[] rows, CancellationToken cancellationToken)
    {
        using var runner = new BatchRunner(source, model);
        var size = runner.BatchSize(MostSamples);
        for (var start = 0; start < rows.Length; start += size)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var batch = source.Read(rows[start..Math.Min(start + size, rows.Length)]);
            if (batch.Rows.Count > 0)
                yield return new(batch.Rows, batch.Inputs.ToDictionary(pair => pair.Key, pair => runner.Take(pair.Key, pair.Value)));
        }
    }

    /// <summary>One vector for each sample: the mean over the positions that are there, in double precision on the CPU.</summary>
    public static Tensor Pool(FeatureSet features)
    {
        using var scope = NewDisposeScope();
        var tokens = features.TokensThere().to(CPU).to(ScalarType.Float64);
        var pooled = features.Mask is { } mask
            ? tokens.sum(1) / mask.sum(1, keepdim: true).to(CPU).to(ScalarType.Float64).clamp_min(1)
            : tokens.mean([1L]);
        return pooled.MoveToOuterDisposeScope();
    }
}
