using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Draws the batches of a phase, runs the model on them and returns their losses.</summary>
internal sealed class PhaseBatches : IDisposable
{
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly PhaseSource[] sources;
    private readonly Func<string> whatIsKept;
    private readonly Dictionary<string, TaskMetrics>? running;

    /// <summary>Starts with nothing read.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How it is trained.</param>
    /// <param name="sources">The sources.</param>
    /// <param name="whatIsKept">Says what the user has where a loss is not finite.</param>
    /// <param name="showsMetrics">Whether <see cref="Metrics"/> is needed.</param>
    public PhaseBatches(MultiInputModel model, TrainerOptions options, IReadOnlyList<DataSource> sources, Func<string> whatIsKept, bool showsMetrics)
    {
        (this.model, this.options, this.whatIsKept) = (model, options, whatIsKept);
        this.sources = [.. sources.Select(source => new PhaseSource(model, options, source))];
        running = showsMetrics ? [] : null;
    }

    /// <summary>Runs the parts that are frozen in this phase once, if their results are to be reused.</summary>
    public void KeepFeatures(CancellationToken cancellationToken)
    {
        foreach (var source in sources)
            source.KeepFeatures(cancellationToken);
    }

    /// <summary>Reads a batch of each source that takes part.</summary>
    /// <param name="draws">The sources and which of their batches.</param>
    public IReadOnlyList<DrawnBatch> Draw(IReadOnlyList<SourceDraw> draws) => [.. draws.Select(draw => sources[draw.Source].Draw(draw.Batch))];

    /// <summary>The losses of batches.</summary>
    /// <param name="step">The step, from 0, that a message names.</param>
    /// <param name="number">The number of the batches in the training, from 0: mixup follows from it and the seed.</param>
    /// <param name="batches">The batches.</param>
    public IReadOnlyList<BatchLoss> Losses(long step, long number, IReadOnlyList<DrawnBatch> batches)
    {
        using var mixing = options.MixupAlpha is null ? null : new Generator((ulong)SeededOrder.SeedOf(SeededOrder.SeedOf(options.Seed, number), 0));
        var losses = batches.Where(batch => batch.Features is not null)
            .SelectMany(batch => batch.Labels.Select(labels => Loss(step, batch, labels, batch.Features!.Run(labels.Task, batch.Rows)))).ToList();

        // Sources that have no input in common go through the model together.
        var open = batches.Where(batch => batch.Features is null).ToList();
        while (open.Count > 0)
        {
            var names = new HashSet<string>();
            var together = open.Where(batch => !names.Overlaps(batch.Source.InputNames) && batch.Source.InputNames.All(names.Add)).ToArray();
            open.RemoveAll(together.Contains);
            losses.AddRange(Run(step, mixing, [.. together.Where(batch => batch.Labels.Count > 0)]));
        }

        return losses;
    }

    /// <summary>Throws if samples of a source were requested in this phase and none could be read.</summary>
    public void CheckRead()
    {
        foreach (var source in sources)
            source.CheckRead();
    }

    /// <summary>Each task's metric over the batches of the epoch so far.</summary>
    public Dictionary<string, double> Metrics() => running?.ToDictionary(pair => pair.Key, pair => pair.Value.PrimaryValue) ?? [];

    /// <summary>The name of each of <see cref="Metrics"/>.</summary>
    public Dictionary<string, string> MetricNames() => running?.ToDictionary(pair => pair.Key, pair => pair.Value.Primary) ?? [];

    public void EndEpoch() => running?.Clear();

    public void Dispose()
    {
        foreach (var source in sources)
            source.Dispose();
    }

    private IEnumerable<BatchLoss> Run(long step, Generator? mixing, IReadOnlyList<DrawnBatch> together)
    {
        var inputs = new Dictionary<string, Tensor>();
        var labelled = new List<(DrawnBatch Batch, TaskLabels Labels, Mixup? Mixup)>();
        foreach (var batch in together)
        {
            var mixup = options.MixupAlpha is { } alpha ? Mixup.Draw(batch.Rows.Count, alpha, mixing) : null;
            labelled.AddRange(batch.Labels.Select(labels => (batch, labels, mixup)));
            foreach (var (name, samples) in batch.Source.Take(batch.Read!))
                inputs.Add(name, mixup is null ? samples : mixup.Mix(samples));
        }

        if (labelled.Count == 0)
            return [];
        var outputs = model.forward(inputs, labelled.Select(its => its.Labels.Task));
        return [.. labelled.Select(its => Loss(step, its.Batch, its.Labels, outputs[its.Labels.Task], its.Mixup, inputs))];
    }

    private BatchLoss Loss(
        long step, DrawnBatch batch, TaskLabels labels, Tensor output, Mixup? mixup = null, IReadOnlyDictionary<string, Tensor>? inputs = null)
    {
        var task = labels.Task;
        var head = model.TaskHead(task);
        var loss = mixup is null ? head.Loss(output, labels.Values) : mixup.Loss(head, output, labels.Values);
        var value = loss.ToDouble();
        if (!double.IsFinite(value))
        {
            var reads = model.FindRoute(task).Inputs;
            var broken = reads.Where(name => inputs?.GetValueOrDefault(name) is { } x && x.is_floating_point() && !x.isfinite().all().ToBoolean()).ToArray();
            throw new MultiInputException(
                $"task '{task}'",
                ModelComponent.Training,
                $"its loss is {value} at step {step + 1}, on source '{batch.Source.Name}' with {(broken.Length > 0 ? $"values that are not finite in input {Shapes.Names(broken)}" : $"input {Shapes.Names(reads)}")}.",
                $"Look for NaN or huge values in the inputs and labels, or lower the learning rate. {whatIsKept()}") { IsDivergence = true };
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

/// <summary>The mean loss of a task over the labels of a source's batch, and its divisor.</summary>
internal sealed record BatchLoss(string Task, Tensor Loss, double Value, double Divisor);
