using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Delivers the samples of a source batch by batch as a model takes them: read ahead, without those that cannot be read, on the model's
/// device and in its type. Everything that runs through a source uses it: training, evaluation, feature reuse and the statistics of inputs.
/// </summary>
/// <remarks>
/// Which inputs a batch has are the keys of <see cref="InputBatch.Inputs"/>; every sample has all of them so far.
/// </remarks>
internal sealed class BatchRunner : IDisposable
{
    /// <summary>The largest result of <see cref="BatchSize(int)"/>: more samples save no time.</summary>
    public const int MostSamples = 512;

    private readonly DataSource source;
    private readonly Dictionary<string, InputPath> paths;
    private readonly Device device = CPU;
    private readonly ScalarType type = ScalarType.Float32;
    private BatchReader? reader;
    private long due;
    private long read;

    /// <summary>Starts with nothing read.</summary>
    /// <param name="source">The samples.</param>
    /// <param name="model">The model that takes them; null to deliver them as they are read.</param>
    public BatchRunner(DataSource source, MultiInputModel? model = null)
    {
        this.source = source;
        paths = model?.Paths.Where(path => source.InputNames.Contains(path.Name)).ToDictionary(path => path.Name) ?? [];
        if (model?.parameters().FirstOrDefault() is { } weights)
            (device, type) = (weights.device, weights.dtype);
    }

    /// <summary>
    /// How many samples to run through the model at once when only memory and speed matter: as many as fill 64 MiB with the largest map
    /// that the base produces for a sample.
    /// </summary>
    /// <param name="most">The upper limit.</param>
    public int BatchSize(int most) => Limits.BatchSize(paths.Values.Sum(path => path.LargestResult) * type.ElementSize(), most);

    /// <summary>
    /// Every sample once, in order. A batch's tensors live until the next is requested; batches of which nothing could be read are skipped.
    /// </summary>
    /// <param name="batchSize">Samples per batch.</param>
    /// <param name="cancellationToken">Ends the pass between two batches.</param>
    /// <exception cref="MultiInputException">A sample is broken, and is not to be skipped.</exception>
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
                yield return new(batch.Rows, batch.Inputs.ToDictionary(pair => pair.Key, pair => Take(pair.Key, pair.Value)));
        }

        long Length(long number) => Math.Min(batchSize, source.Count - number * batchSize);
        long[] Rows(long number) => BatchOrder.Range(number * batchSize, Length(number));
    }

    /// <summary>
    /// A batch of a training as it is read, for <see cref="Take"/> once it is augmented. Batches are requested one after another.
    /// </summary>
    /// <param name="order">The order of the samples.</param>
    /// <param name="number">The batch, from 0.</param>
    /// <exception cref="MultiInputException">A sample is broken and is not to be skipped, or none was read in a whole pass.</exception>
    public InputBatch Next(BatchOrder order, long number)
    {
        reader ??= new(source, batch => order.At(batch).ToArray(), number, long.MaxValue);
        var batch = reader.Next();
        Count(order, batch.Rows.Count);
        return batch;
    }

    /// <summary>Samples of an input as the model takes them: on its device, and in its type unless they are standardised first.</summary>
    public Tensor Take(string input, Tensor samples) =>
        paths.TryGetValue(input, out var path) ? path.Take(samples, device, type) : samples.to(device);

    /// <summary>The labels of samples for a task, on the model's device.</summary>
    public Tensor Labels(string task, IReadOnlyList<long> rows)
    {
        var labels = source.Targets[task];
        return labels.index_select(0, tensor(rows.ToArray(), device: labels.device)).to(device);
    }

    /// <summary>Records how many samples a batch of a training has.</summary>
    /// <exception cref="MultiInputException">There was none in a whole pass.</exception>
    public void Count(BatchOrder order, int found)
    {
        Count(order.BatchSize, found);
        if (due >= order.BatchesPerPass * order.BatchSize)
            CheckRead();
    }

    /// <summary>Throws if samples were requested and none could be read.</summary>
    public void CheckRead()
    {
        if (due > 0 && read == 0)
        {
            throw new MultiInputException(
                $"source '{source.Name}'",
                ModelComponent.Training,
                $"none of {due:N0} requested samples could be read, so nothing can be learned, measured or predicted from it.{source.WhyBroken}",
                "Repair them, or remove the source.");
        }
    }

    public void Dispose() => reader?.Dispose();

    private void Count(long asked, long found) => (due, read) = (due + asked, read + found);
}
