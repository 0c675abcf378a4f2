using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Draws the batches of a phase, runs the model on them and gives their losses.</summary>
internal sealed class PhaseBatches : IDisposable
{
    private readonly Trainer trainer;
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly IReadOnlyList<DataSource> sources;
    private readonly BatchOrder[] orders;
    private readonly Func<string> whatIsKept;
    private readonly FeatureCache?[] caches;
    private readonly BatchReader?[] readers;
    private readonly (long Asked, long Read)[] counts;
    private readonly Dictionary<string, TaskMetrics>? running;

    /// <summary>Runs what is frozen in this phase once, where its results are to be reused.</summary>
    /// <param name="trainer">The model and how it is trained.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="whatIsKept">Says what the user has where a loss is not finite.</param>
    /// <param name="showsMetrics">Whether <see cref="Metrics"/> is asked for.</param>
    /// <param name="cancellationToken">Ends that first run.</param>
    public PhaseBatches(
        Trainer trainer, IReadOnlyList<DataSource> sources, Func<string> whatIsKept, bool showsMetrics, CancellationToken cancellationToken)
    {
        (this.trainer, model, options) = (trainer, trainer.Model, trainer.Options);
        (this.sources, this.whatIsKept) = (sources, whatIsKept);
        orders = [.. sources.Select(source => new BatchOrder(options.Seed, source.Name, source.Count, source.BatchSize ?? options.BatchSize))];
        var cacheBytes = options.MixupAlpha is null ? options.FeatureCacheBytes : 0;
        caches = [.. sources.Select(source => FeatureCache.Make(model, source, cacheBytes, cancellationToken))];
        readers = new BatchReader?[sources.Count];
        counts = new (long, long)[sources.Count];
        running = showsMetrics ? [] : null;
    }

    /// <summary>Reads a batch of each source whose turn it is.</summary>
    /// <param name="draws">The sources and which of their batches.</param>
    public IReadOnlyList<DrawnBatch> Draw(IReadOnlyList<SourceDraw> draws) => [.. draws.Select(Draw)];

    /// <summary>The losses of batches.</summary>
    /// <param name="step">The step, from 0, that a message names.</param>
    /// <param name="number">The number of the batches in the training, from 0: mixup follows from it and the seed.</param>
    /// <param name="batches">The batches.</param>
    public IReadOnlyList<BatchLoss> Losses(long step, long number, IReadOnlyList<DrawnBatch> batches)
    {
        using var mixing = options.MixupAlpha is null ? null : new Generator((ulong)SeededOrder.SeedOf(SeededOrder.SeedOf(options.Seed, number), 0));
        var losses = batches.Where(batch => batch.Cache is not null)
            .SelectMany(batch => batch.Labels.Select(labels => Loss(step, batch.Source, labels, batch.Cache!.Run(labels.Task, batch.Rows)))).ToList();

        // Sources that share no input go through the model together.
        var open = batches.Where(batch => batch.Cache is null).ToList();
        while (open.Count > 0)
        {
            var names = new HashSet<string>();
            var together = open.Where(batch => !names.Overlaps(batch.Source.InputNames) && batch.Source.InputNames.All(names.Add)).ToArray();
            open.RemoveAll(together.Contains);
            losses.AddRange(Run(step, mixing, [.. together.Where(batch => batch.Labels.Count > 0)]));
        }

        return losses;
    }

    /// <summary>Throws where a source was asked for samples in this phase and none could be read.</summary>
    public void CheckRead()
    {
        foreach (var (source, count) in sources.Zip(counts))
        {
            if (count is { Asked: > 0, Read: 0 })
                throw Trainer.NothingToRead(source, count.Asked);
        }
    }

    /// <summary>Each task's metric over the batches of the epoch so far.</summary>
    public Dictionary<string, double> Metrics() => running?.ToDictionary(pair => pair.Key, pair => pair.Value.PrimaryValue) ?? [];

    /// <summary>What each of <see cref="Metrics"/> is called.</summary>
    public Dictionary<string, string> MetricNames() => running?.ToDictionary(pair => pair.Key, pair => pair.Value.Primary) ?? [];

    public void EndEpoch() => running?.Clear();

    public void Dispose()
    {
        foreach (var cache in caches)
            cache?.Dispose();
        foreach (var reader in readers)
            reader?.Dispose();
    }

    private DrawnBatch Draw(SourceDraw draw)
    {
        var (source, order, cache) = (sources[draw.Source], orders[draw.Source], caches[draw.Source]);
        var asked = order.At(draw.Batch).ToArray();
        InputBatch? read = null;
        if (cache is null)
        {
            readers[draw.Source] ??= new(source, batch => order.At(batch).ToArray(), draw.Batch, long.MaxValue);
            read = readers[draw.Source]!.Next();
        }

        var rows = read?.Rows ?? cache!.Readable(asked);
        ref var count = ref counts[draw.Source];
        count = (count.Asked + asked.Length, count.Read + rows.Count);
        if (count.Read == 0 && count.Asked >= order.BatchesPerPass * asked.Length)
            throw Trainer.NothingToRead(source, count.Asked);
        return new(source, cache, read, rows, rows.Count == 0 ? [] : LabelsOf(source, rows));
    }

    private IEnumerable<BatchLoss> Run(long step, Generator? mixing, IReadOnlyList<DrawnBatch> together)
    {
        var inputs = new Dictionary<string, Tensor>();
        var labelled = new List<(DataSource Source, TaskLabels Labels, Mixup? Mixup)>();
        foreach (var (source, _, batch, rows, labels) in together)
        {
            var mixup = options.MixupAlpha is { } alpha ? Mixup.Draw(rows.Count, alpha, mixing) : null;
            labelled.AddRange(labels.Select(its => (source, its, mixup)));
            foreach (var (name, samples) in batch!.Inputs)
            {
                var changed = model.Take(name, source.Augment is null ? samples : Augmented(source, name, samples));
                inputs.Add(name, mixup is null ? changed : mixup.Mix(changed));
            }
        }

        if (labelled.Count == 0)
            return [];
        var outputs = model.forward(inputs, labelled.Select(its => its.Labels.Task));
        return [.. labelled.Select(its => Loss(step, its.Source, its.Labels, outputs[its.Labels.Task], its.Mixup, inputs))];
    }

    private static Tensor Augmented(DataSource source, string input, Tensor samples)
    {
        var changed = source.Augment!(input, samples);
        return changed is { IsInvalid: false } && changed.shape.FirstOrDefault() == samples.shape[0] ? changed : throw new MultiInputException(
            $"source '{source.Name}'",
            ModelComponent.Training,
            $"its Augment made {(changed is null ? "null" : changed.IsInvalid ? "a tensor that was disposed of" : $"a batch {Shapes.Text(changed.shape)}")} of the batch {Shapes.Text(samples.shape)} of input '{input}'.",
            "Give a tensor of as many samples.");
    }

    /// <summary>The labels of samples for each task that has any among them.</summary>
    private TaskLabels[] LabelsOf(DataSource source, IReadOnlyList<long> rows) =>
    [
        .. source.Targets.Select(pair => (Task: pair.Key, Head: trainer.HeadOf(pair.Key), Labels: trainer.Labels(pair.Value, rows)))
            .Where(pair => pair.Head.HasLabels(pair.Labels))
            .Select(pair => new TaskLabels(pair.Task, pair.Labels, pair.Head.Divisor(pair.Labels))),
    ];

    private BatchLoss Loss(
        long step, DataSource source, TaskLabels labels, Tensor output, Mixup? mixup = null, IReadOnlyDictionary<string, Tensor>? inputs = null)
    {
        var task = labels.Task;
        var head = trainer.HeadOf(task);
        var loss = mixup is null ? head.Loss(output, labels.Values) : mixup.Loss(head, output, labels.Values);
        var value = loss.ToDouble();
        if (!double.IsFinite(value))
        {
            var reads = model.FindRoute(task).Inputs;
            var broken = reads.Where(name => inputs?.GetValueOrDefault(name) is { } x && x.is_floating_point() && !x.isfinite().all().ToBoolean()).ToArray();
            throw new MultiInputException(
                $"task '{task}'",
                ModelComponent.Training,
                $"its loss is {value} at step {step + 1}, on source '{source.Name}' with {(broken.Length > 0 ? $"values that are not finite in input {Shapes.Names(broken)}" : $"input {Shapes.Names(reads)}")}.",
                $"Look for NaN or huge values in the inputs and labels, or lower the learning rate. {whatIsKept()}");
        }

        if (running is not null)
        {
            if (!running.TryGetValue(task, out var metrics))
                running.Add(task, metrics = head.CreateMetrics());
            using var noGrad = no_grad();
            metrics.Update(output, labels.Values);
        }

        return new(task, loss, value, labels.Divisor);
    }
}

/// <summary>The labels of a batch for a task that has some in it, and what its loss divides by.</summary>
internal sealed record TaskLabels(string Task, Tensor Values, double Divisor);

/// <summary>A source's batch that was read: samples, or none where their features are kept.</summary>
internal sealed record DrawnBatch(DataSource Source, FeatureCache? Cache, InputBatch? Inputs, IReadOnlyList<long> Rows, IReadOnlyList<TaskLabels> Labels);

/// <summary>The mean loss of a task over the labels of a source's batch, and what it was divided by.</summary>
internal sealed record BatchLoss(string Task, Tensor Loss, double Value, double Divisor);
