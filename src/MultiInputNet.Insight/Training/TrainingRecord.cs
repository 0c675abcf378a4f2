using MultiInputNet.Data;
using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>
/// What a training reports, kept for curves, and if asked for the gradients that the tasks put on the base
/// (<see cref="Insight.GradientConflict"/>) every so many steps: pass it to <c>Trainer.Fit</c> as its progress, and to
/// <see cref="ReportOptions.Record"/>. It can be read on another thread while the training runs.
/// </summary>
/// <remarks>
/// The trainer reports on the thread that trains, between two steps, which is where gradients are measured: pass the record itself, not
/// from a <see cref="Progress{T}"/>, which would report while the model is being trained. The training ends with the same weights as
/// without it. The same batches are measured each time, so that numbers differ by the weights alone. Memory: at most 1,024 steps and as
/// many measurements are kept, evenly spaced.
/// </remarks>
public sealed class TrainingRecord : IProgress<TrainingProgress>
{
    private readonly IProgress<TrainingProgress>? next;
    private readonly Func<int, TaskGradients?>? measure;
    private readonly Lock reading = new();
    private readonly Thinned<TrainingProgress> steps = new();
    private readonly Thinned<RecordedGradients> gradients = new();
    private readonly List<EpochResult> epochs = [];
    private readonly List<string> warnings = [];
    private TrainingProgress? latest;
    private bool hasLabels = true; // as far as is known: the batches are the same at every step

    /// <summary>Creates a record of one training, without gradients.</summary>
    /// <param name="next">Told of each step, too, such as a <c>ConsoleProgress</c>; nobody when null.</param>
    public TrainingRecord(IProgress<TrainingProgress>? next = null) => this.next = next;

    /// <summary>Creates a record of one training that measures gradients.</summary>
    /// <param name="model">The model that is trained.</param>
    /// <param name="sources">Samples to measure the gradients on: those of the training or of the validation.</param>
    /// <param name="options">The options of the training, for the batch size and the seed; the defaults when null.</param>
    /// <param name="next">Told of each step after the record, on the same thread; nobody when null.</param>
    /// <exception cref="MultiInputException">A source does not fit the model.</exception>
    /// <exception cref="ArgumentException">There is no source.</exception>
    public TrainingRecord(
        MultiInputModel model, IReadOnlyList<DataSource> sources, TrainerOptions? options = null, IProgress<TrainingProgress>? next = null)
        : this(next)
    {
        ArgumentNullException.ThrowIfNull(model);
        SourceChecks.CheckFit(model, sources);
        if (sources.Count == 0)
            throw new ArgumentException("There is no source; give at least one.", nameof(sources));
        DataSource[] measured = [.. sources];
        measure = batches => Insight.FindGradients(model, measured, batches, options, CancellationToken.None);
    }

    /// <summary>The steps between two measurements of gradients, at least 1; the first and the last step are measured as well.</summary>
    /// <value>Default: 100.</value>
    public int EverySteps { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(EverySteps), value, "Give at least 1."); } = 100;

    /// <summary>The batches of each source in a measurement of gradients, at least 1.</summary>
    /// <value>Default: 1.</value>
    public int Batches { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Batches), value, "Give at least 1."); } = 1;

    /// <summary>The last step that was reported; null before the first.</summary>
    public TrainingProgress? Latest => Read(() => latest);

    /// <summary>The steps that were kept: evenly spaced over the training, at most 1,024 of them.</summary>
    public IReadOnlyList<TrainingProgress> Steps => Read(steps.ToArray);

    /// <summary>The gradients that were kept, evenly spaced, at most 1,024; empty if they are not measured or no sample of the batches has a label.</summary>
    public IReadOnlyList<RecordedGradients> Gradients => Read(gradients.ToArray);

    /// <summary>The result of each epoch so far.</summary>
    public IReadOnlyList<EpochResult> Epochs => Read(epochs.ToArray);

    /// <summary>The warnings so far.</summary>
    public IReadOnlyList<string> Warnings => Read(warnings.ToArray);

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        RecordedGradients? measured = null;
        if (measure is not null && hasLabels && (value.Step % EverySteps == 0 || value.Step == value.Steps || gradients.Count == 0))
        {
            var found = measure(Batches);
            hasLabels = found is not null;
            if (found is not null)
                measured = new() { Step = value.Step, Gradients = found };
        }

        lock (reading)
        {
            latest = value;
            warnings.AddRange(value.Warnings);
            if (value.EpochResult is { } result)
                epochs.Add(result);
            steps.Add(value);
            if (measured is not null)
                gradients.Add(measured);
        }

        next?.Report(value);
    }

    private T Read<T>(Func<T> read)
    {
        lock (reading)
            return read();
    }

    /// <summary>Some of what was added, evenly spaced: every one, then every second one, then every fourth.</summary>
    private sealed class Thinned<T>
    {
        private const int Most = 1024;

        private readonly List<T> kept = [];
        private long added;
        private long stride = 1;

        public int Count => kept.Count;

        public void Add(T value)
        {
            if (added++ % stride == 0)
                kept.Add(value);
            if (kept.Count <= Most)
                return;

            // Every other one, from the first.
            T[] rest = [.. kept.Where((_, index) => index % 2 == 0)];
            kept.Clear();
            kept.AddRange(rest);
            stride *= 2;
        }

        public T[] ToArray() => [.. kept];
    }
}
