using System.Security.Cryptography;
using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// What distinguishes a source from another one of the same name: the number of samples, all labels, and the samples (for large sources,
/// evenly spaced ones, so that it takes a fraction of a second).
/// </summary>
internal static class SourceFingerprint
{
    /// <summary>The prefix of the hash of a content, which is not for reading.</summary>
    public const string Content = "sha256:";

    // The number of samples that are read from files, and the bytes of those in memory.
    private const long MostReadSamples = 64;
    private const long MostBytes = 64L << 20;
    private const int AtOnce = 256;

    /// <summary>What is compared, by its name in messages.</summary>
    /// <param name="role">The role of the source in the training, such as <c>source</c>.</param>
    /// <param name="source">The source.</param>
    /// <param name="batchSize">Samples per batch; null if that does not matter.</param>
    public static IEnumerable<(string Name, string Value)> Of(string role, DataSource source, int? batchSize)
    {
        var subject = $"{role} '{source.Name}'";
        yield return ($"{subject} with", batchSize is null ? $"{source.Count} samples" : $"{source.Count} samples, {batchSize} a batch");
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (task, labels) in source.Targets.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            hash.AppendTensor(labels);
            yield return ($"labels of task '{task}' in {subject}", Content + hash.ToText());
        }

        foreach (var rows in Rows(source).Chunk(AtOnce))
            Append(hash, source, rows);
        yield return ($"samples of {subject}", Content + hash.ToText());
    }

    private static IEnumerable<long> Rows(DataSource source)
    {
        var count = Math.Min(source.Count, MostReadSamples);
        if (source.IsInMemory)
        {
            using var scope = NewDisposeScope();
            var bytes = Math.Max(1, source.Read([0]).Inputs.Values.Sum(value => value.numel() * value.element_size()));
            count = Math.Clamp(MostBytes / bytes, count, source.Count);
        }

        for (var i = 0L; i < count; i++)
            yield return count == 1 ? 0 : (long)((Int128)i * (source.Count - 1) / (count - 1));
    }

    private static void Append(IncrementalHash hash, DataSource source, long[] rows)
    {
        using var scope = NewDisposeScope();
        try
        {
            var batch = source.Read(rows);
            hash.AppendText(string.Join(' ', batch.Rows));
            foreach (var (name, samples) in batch.Inputs.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            {
                hash.AppendText(name);
                hash.AppendTensor(samples);
            }
        }
        catch (MultiInputException) when (rows.Length > 1)
        {
            foreach (var row in rows)
                Append(hash, source, [row]);
        }
        catch (MultiInputException)
        {
            // The training reports it when it reaches this sample.
            hash.AppendText($"{rows[0]} broken");
        }
    }
}
