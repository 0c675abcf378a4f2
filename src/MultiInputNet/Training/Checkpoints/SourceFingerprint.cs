using System.Security.Cryptography;
using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// What tells a source from another one of its name: how many samples it has, all labels, and the samples, of large sources some that lie
/// evenly among them, so that it takes a fraction of a second.
/// </summary>
internal static class SourceFingerprint
{
    /// <summary>How the hash of a content begins; it is not for reading.</summary>
    public const string Content = "sha256:";

    // Samples that are read from files, and bytes of such as are in memory.
    private const long MostReadSamples = 64;
    private const long MostBytes = 64L << 20;
    private const int AtOnce = 256;

    /// <summary>What is compared, each thing by what a message calls it.</summary>
    /// <param name="role">What the source is to the training, such as <c>source</c>.</param>
    /// <param name="source">The source.</param>
    /// <param name="batchSize">Samples in a batch; null where they do not matter.</param>
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
            // The training says so where it comes to this sample.
            hash.AppendText($"{rows[0]} broken");
        }
    }
}
