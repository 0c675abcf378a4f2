using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Draws the batches of a stage, runs the model on them and gives their losses.</summary>
internal sealed class StageBatches : IDisposable
{
    private readonly Trainer trainer;
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly IReadOnlyList<DataSource> sources;
    private readonly BatchOrder[] orders;
    private readonly Func<string> whatIsKept;
    private readonly FeatureCache?[] caches;
    private readonly BatchReader?[] readers;
    private readonly Dictionary<string, TaskMetrics> running = [];

    /// <summary>Runs what is frozen in this stage once, where its results are to be reused.</summary>
    /// <param name="trainer">The model and how it is trained.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="whatIsKept">Says what the user has where a loss is not finite.</param>
    /// <param name="cancellationToken">Ends that first run.</param>
    public StageBatches(Trainer trainer, IReadOnlyList<DataSource> sources, Func<string> whatIsKept, CancellationToken cancellationToken)
    {
        (this.trainer, model, options) = (trainer, trainer.Model, trainer.Options);
        (this.sources, this.whatIsKept) = (sources, whatIsKept);
        orders = [.. sources.Select(source => new BatchOrder(options.Seed, source.Name, source.Count, source.BatchSize ?? options.BatchSize))];
        var cacheBytes = options.MixupAlpha is null ? options.FeatureCacheBytes : 0;
        caches = [.. sources.Select(source => FeatureCache.Make(model, source, cacheBytes, cancellationToken))];
        readers = new BatchReader?[sources.Count];
    }

    /// <summary>The losses of a batch of each source whose turn it is.</summary>
    /// <param name="step">The step, from 0, that a message names.</param>
    /// <param name="draws">The sources and which of their batches.</param>
    public IReadOnlyList<(string Task, Tensor Loss, double Value)> Losses(long step, IReadOnlyList<SourceDraw> draws)
    {
        var losses = new List<(string Task, Tensor Loss, double Value)>();
        var open = new List<(DataSource Source, InputBatch Batch)>();
        foreach (var (index, draw) in draws)
        {
            var source = sources[index];
            if (caches[index] is { } cache)
            {
                var rows = cache.Readable(orders[index].At(draw).ToArray());
                foreach (var (task, labels) in LabelsOf(source, rows))
                    losses.Add(Loss(step, source, task, cache.Run(task, rows), labels));
            }
            else
            {
                readers[index] ??= new(source, batch => orders[index].At(batch).ToArray(), draw, long.MaxValue);
                open.Add((source, readers[index]!.Next()));
            }
        }

        // Sources that share no input go through the model together.
        while (open.Count > 0)
        {
            var names = new HashSet<string>();
            var together = open.Where(pair => !names.Overlaps(pair.Source.InputNames) && pair.Source.InputNames.All(names.Add)).ToArray();
            open.RemoveAll(pair => together.Contains(pair));
            losses.AddRange(Run(step, [.. together.Where(pair => pair.Batch.Rows.Count > 0)]));
        }

        return losses;
    }

    /// <summary>Each task's metric over the batches of the epoch so far.</summary>
    public Dictionary<string, double> Metrics() => running.ToDictionary(pair => pair.Key, pair => pair.Value.Compute()[pair.Value.Primary]);

    public void EndEpoch() => running.Clear();

    public void Dispose()
    {
        foreach (var cache in caches)
            cache?.Dispose();
        foreach (var reader in readers)
            reader?.Dispose();
    }

    private IEnumerable<(string Task, Tensor Loss, double Value)> Run(long step, IReadOnlyList<(DataSource Source, InputBatch Batch)> together)
    {
        var inputs = new Dictionary<string, Tensor>();
        var labels = new List<(DataSource Source, string Task, Tensor Labels, Mixup? Mixup)>();
        foreach (var (source, batch) in together)
        {
            var labelled = LabelsOf(source, batch.Rows);
            if (labelled.Length == 0)
                continue;
            var mixup = options.MixupAlpha is { } alpha ? Mixup.Draw(batch.Rows.Count, alpha) : null;
            labels.AddRange(labelled.Select(pair => (source, pair.Task, pair.Labels, mixup)));
            foreach (var (name, samples) in batch.Inputs)
            {
                var changed = model.Take(name, source.Augment is null ? samples : source.Augment(name, samples));
                inputs.Add(name, mixup is null ? changed : mixup.Mix(changed));
            }
        }

        if (labels.Count == 0)
            return [];
        var outputs = model.forward(inputs, labels.Select(pair => pair.Task));
        return [.. labels.Select(pair => Loss(step, pair.Source, pair.Task, outputs[pair.Task], pair.Labels, pair.Mixup, inputs))];
    }

    /// <summary>The labels of samples for each task that has any among them.</summary>
    private (string Task, Tensor Labels)[] LabelsOf(DataSource source, IReadOnlyList<long> rows) => rows.Count == 0
        ? []
        : [.. source.Targets.Select(pair => (pair.Key, trainer.Labels(pair.Value, rows))).Where(pair => trainer.HeadOf(pair.Key).HasLabels(pair.Item2))];

    private (string Task, Tensor Loss, double Value) Loss(
        long step, DataSource source, string task, Tensor output, Tensor labels, Mixup? mixup = null, IReadOnlyDictionary<string, Tensor>? inputs = null)
    {
        var head = trainer.HeadOf(task);
        var loss = mixup is null ? head.Loss(output, labels) : mixup.Loss(head, output, labels);
        var value = loss.ToDouble();
        if (!double.IsFinite(value))
        {
            var reads = model.FindRoute(task).Inputs;
            var broken = reads.Where(name => inputs?.GetValueOrDefault(name) is { } x && x.is_floating_point() && !x.isfinite().all().ToBoolean()).ToArray();
            throw new MultiInputException(
                $"task '{task}'",
                ModelStage.Training,
                $"its loss is {value} at step {step + 1}, on source '{source.Name}' with {(broken.Length > 0 ? $"values that are not finite in input {Shapes.Names(broken)}" : $"input {Shapes.Names(reads)}")}.",
                $"Look for NaN or huge values in the inputs and labels, or lower the learning rate. {whatIsKept()}");
        }

        if (!running.TryGetValue(task, out var metrics))
            running.Add(task, metrics = head.CreateMetrics());
        using var noGrad = no_grad();
        metrics.Update(output, labels);
        return (task, loss, value);
    }
}
