using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Gives the samples of a source batch by batch as a model takes them: read ahead, without those that cannot be read, on the model's device and
/// in its type. Everything that goes through a source uses it: training, evaluation, the reuse of features and the statistics of inputs.
/// </summary>
/// <remarks>
/// Which inputs a batch has are the keys of <see cref="InputBatch.Inputs"/>; every sample has all of them so far.
/// </remarks>
internal sealed class BatchRunner : IDisposable
{
    /// <summary>The most samples that <see cref="BatchSize(int)"/> gives: more save no time.</summary>
    public const int MostSamples = 512;

    private const long MostBytes = 64 << 20;

    private readonly DataSource source;
    private readonly Dictionary<string, InputPath> paths;
    private readonly Device device = CPU;
    private readonly ScalarType type = ScalarType.Float32;
    private BatchReader? reader;
    private long due;
    private long read;

    /// <summary>Begins with nothing read.</summary>
    /// <param name="source">The samples.</param>
    /// <param name="model">What takes them; null where they are given as they are read.</param>
    public BatchRunner(DataSource source, MultiInputModel? model = null)
    {
        this.source = source;
        paths = model?.Paths.Where(path => source.InputNames.Contains(path.Name)).ToDictionary(path => path.Name) ?? [];
        if (model?.parameters().FirstOrDefault() is { } weights)
            (device, type) = (weights.device, weights.dtype);
    }

    /// <summary>
    /// How many samples go through the model at once where that is a matter of memory and speed alone: as many as make 64 MiB of the largest
    /// map that the base makes of a sample.
    /// </summary>
    /// <param name="most">The most.</param>
    public int BatchSize(int most) => BatchSize(paths.Values.Sum(path => path.LargestResult) * type.ElementSize(), most);

    /// <summary>As many samples as take 64 MiB, at least 1.</summary>
    /// <param name="sampleBytes">What one takes.</param>
    /// <param name="most">The most.</param>
    public static int BatchSize(long sampleBytes, int most) => (int)Math.Clamp(MostBytes / Math.Max(1, sampleBytes), 1, most);

    /// <summary>Every sample once, in order. A batch's tensors live until the next is asked for; batches of which nothing could be read are left out.</summary>
    /// <param name="batchSize">Samples in a batch.</param>
    /// <param name="cancellationToken">Ends the pass between two batches.</param>
    /// <exception cref="MultiInputException">A sample is broken, and is not to be left out.</exception>
    public IEnumerable<InputBatch> Pass(int batchSize, CancellationToken cancellationToken = default)
    {
        var batches = (source.Count + batchSize - 1) / batchSize;
        using var inOrder = new BatchReader(source, Rows, 0, batches);
        for (var number = 0L; number < batches; number++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var batch = inOrder.Next();
            Count(Length(number), batch.Rows.Count);
            if (batch.Rows.Count > 0)
                yield return batch with { Inputs = batch.Inputs.ToDictionary(pair => pair.Key, pair => Take(pair.Key, pair.Value)) };
        }

        long Length(long number) => Math.Min(batchSize, source.Count - number * batchSize);
        long[] Rows(long number) => BatchOrder.Range(number * batchSize, Length(number));
    }

    /// <summary>A batch of a training as it is read, for <see cref="Take"/> once it is augmented. Batches are asked for one after the other.</summary>
    /// <param name="order">The order of the samples.</param>
    /// <param name="number">The batch, from 0.</param>
    /// <exception cref="MultiInputException">A sample is broken and is not to be left out, or none was read of a whole pass.</exception>
    public InputBatch Next(BatchOrder order, long number)
    {
        reader ??= new(source, batch => order.At(batch).ToArray(), number, long.MaxValue);
        var batch = reader.Next();
        Count(order, batch.Rows.Count);
        return batch;
    }

    /// <summary>Samples of an input as the model takes them: on its device, and in its type where they are not standardised first.</summary>
    public Tensor Take(string input, Tensor samples)
    {
        var moved = samples.to(device);
        if (!paths.TryGetValue(input, out var path) || !moved.is_floating_point() || path.TakesAnyFloat)
            return moved;
        if (path.Spec.BatchType is not { } needed)
            return moved.to(type);

        // Files of numbers give floating ones. What would change is left to the model, which refuses it.
        var converted = moved.to(needed);
        return converted.eq(moved).all().ToBoolean() ? converted : moved;
    }

    /// <summary>The labels of samples for a task, on the model's device.</summary>
    public Tensor Labels(string task, IReadOnlyList<long> rows)
    {
        var labels = source.Targets[task];
        return labels.index_select(0, tensor(rows.ToArray(), device: labels.device)).to(device);
    }

    /// <summary>Notes how many samples of a batch of a training there are.</summary>
    /// <exception cref="MultiInputException">There was none in a whole pass.</exception>
    public void Count(BatchOrder order, int found)
    {
        Count(order.BatchSize, found);
        if (due >= order.BatchesPerPass * order.BatchSize)
            CheckRead();
    }

    /// <summary>Throws where samples were due and none could be read.</summary>
    public void CheckRead()
    {
        if (due > 0 && read == 0)
        {
            throw new MultiInputException(
                $"source '{source.Name}'",
                ModelComponent.Training,
                $"of {due:N0} samples that were due none could be read, and nothing can be learned or measured from it.{source.WhyBroken}",
                "Mend them, or leave the source out.");
        }
    }

    public void Dispose() => reader?.Dispose();

    private void Count(long asked, long found) => (due, read) = (due + asked, read + found);
}
