using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// A source in a phase: its batches in the order of the training, as samples or, if the modules they run through first are frozen, as
/// features.
/// </summary>
internal sealed class PhaseSource : IDisposable
{
    private readonly MultiInputModel model;
    private readonly TrainerOptions options;
    private readonly DataSource source;
    private readonly BatchOrder order;
    private readonly BatchRunner runner;
    private FeatureCache? features;

    public PhaseSource(MultiInputModel model, TrainerOptions options, DataSource source)
    {
        (this.model, this.options, this.source) = (model, options, source);
        order = new(options.Seed, source.Name, source.Count, source.BatchSize ?? options.BatchSize);
        runner = new(source, model);
    }

    public string Name => source.Name;

    public IReadOnlyList<string> InputNames => source.InputNames;

    /// <summary>Computes what is frozen in this phase once, if its results can be reused.</summary>
    public void KeepFeatures(CancellationToken cancellationToken) =>
        features = FeatureCache.Make(model, source, options.MixupAlpha is null ? options.FeatureCacheBytes : 0, cancellationToken);

    /// <summary>Reads a batch; without the samples if their features are kept.</summary>
    /// <exception cref="MultiInputException">A sample is broken and is not to be left out, or none was read of a whole pass.</exception>
    public DrawnBatch Draw(long number)
    {
        if (features is null)
        {
            var read = runner.Next(order, number);
            return new(this, null, read, read.Rows, LabelsOf(read.Rows));
        }

        var rows = features.Readable(order.At(number).ToArray());
        runner.Count(order, rows.Count);
        return new(this, features, null, rows, LabelsOf(rows));
    }

    /// <summary>The inputs of a batch, augmented, as the model takes them.</summary>
    public IEnumerable<(string Name, Tensor Samples)> Take(InputBatch batch) =>
        batch.Inputs.Select(pair => (pair.Key, runner.Take(pair.Key, source.Augment is null ? pair.Value : Augmented(pair.Key, pair.Value))));

    /// <summary>Throws if samples were requested in this phase and none could be read.</summary>
    public void CheckRead() => runner.CheckRead();

    public void Dispose()
    {
        features?.Dispose();
        runner.Dispose();
    }

    private Tensor Augmented(string input, Tensor samples)
    {
        var changed = source.Augment!(input, samples);
        if (changed is { IsInvalid: false } && changed.shape.FirstOrDefault() == samples.shape[0])
            return changed;
        var made = changed is null ? "null" : changed.IsInvalid ? "a tensor that was disposed of" : $"a batch {Shapes.Text(changed.shape)}";
        throw new MultiInputException(
            $"source '{source.Name}'",
            ModelComponent.Training,
            $"its Augment returned {made} for the batch {Shapes.Text(samples.shape)} of input '{input}'.",
            "Return a tensor with the same number of samples.");
    }

    /// <summary>The labels of samples for each task that has any of them.</summary>
    private TaskLabels[] LabelsOf(IReadOnlyList<long> rows) => rows.Count == 0 ? [] :
    [
        .. source.Targets.Keys.Select(task => (Task: task, Head: model.TaskHead(task), Labels: runner.Labels(task, rows)))
            .Where(its => its.Head.HasLabels(its.Labels))
            .Select(its => new TaskLabels(its.Task, its.Labels, its.Head.Divisor(its.Labels))),
    ];
}

/// <summary>A batch of a source: its samples as read or, if they are kept, their features.</summary>
internal sealed record DrawnBatch(PhaseSource Source, FeatureCache? Features, InputBatch? Read, IReadOnlyList<long> Rows, IReadOnlyList<TaskLabels> Labels);

/// <summary>The labels of a batch for a task that has any in it, and the divisor of its loss.</summary>
internal sealed record TaskLabels(string Task, Tensor Values, double Divisor);
