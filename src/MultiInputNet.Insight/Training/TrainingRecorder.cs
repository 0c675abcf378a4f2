using MultiInputNet.Data;
using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>
/// Records a training: its progress, and every so many steps the gradients that the tasks put on the base
/// (<see cref="Insight.GradientConflict"/>). Pass it to <c>Trainer.Fit</c> as its progress.
/// </summary>
/// <remarks>
/// The trainer reports on the thread that trains, between two steps, which is where it measures: pass it itself, not from a
/// <see cref="Progress{T}"/>, which would report while the model is being trained. The training ends with the same weights as without it.
/// The same batches are measured each time, so that numbers differ by the weights alone.
/// </remarks>
public sealed class TrainingRecorder : IProgress<TrainingProgress>
{
    // With this many reports, every second one is dropped, and from then on half as many are kept.
    private const int MostReports = 4096;

    private readonly MultiInputModel model;
    private readonly IReadOnlyList<DataSource> sources;
    private readonly TrainerOptions options;
    private readonly IProgress<TrainingProgress>? next;
    private readonly Lock recording = new();
    private List<TrainingProgress> reports = [];
    private List<RecordedGradients> gradients = [];
    private long stride = 1;
    private bool hasLabels = true; // as far as is known: the batches are the same at every step

    /// <summary>Creates a recorder for one training.</summary>
    /// <param name="model">The model that is trained.</param>
    /// <param name="sources">Samples to measure the gradients on: those of the training or of the validation.</param>
    /// <param name="options">The options of the training, for the batch size and the seed; the defaults when null.</param>
    /// <param name="next">Told of each step after the recorder, on the same thread; nobody when null.</param>
    /// <exception cref="MultiInputException">A source does not fit the model.</exception>
    public TrainingRecorder(
        MultiInputModel model, IReadOnlyList<DataSource> sources, TrainerOptions? options = null, IProgress<TrainingProgress>? next = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        SourceChecks.CheckFit(model, sources);
        if (sources.Count == 0)
            throw new ArgumentException("There is no source; give at least one.", nameof(sources));
        (this.model, this.sources, this.options, this.next) = (model, [.. sources], options ?? new(), next);
    }

    /// <summary>The steps between two measurements, at least 1; the first and the last step are measured as well.</summary>
    /// <value>Default: 100.</value>
    public int EverySteps { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(EverySteps), value, "Give at least 1."); } = 100;

    /// <summary>The batches of each source in a measurement, at least 1.</summary>
    /// <value>Default: 1.</value>
    public int Batches { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Batches), value, "Give at least 1."); } = 1;

    /// <summary>
    /// The reports so far, in order. Of a long training some thousand are kept, evenly spaced, and all that have the result of an epoch.
    /// </summary>
    public IReadOnlyList<TrainingProgress> Reports
    {
        get
        {
            lock (recording)
                return [.. reports];
        }
    }

    /// <summary>The measured gradients so far, in order; none if no sample of the batches has a label.</summary>
    public IReadOnlyList<RecordedGradients> Gradients
    {
        get
        {
            lock (recording)
                return [.. gradients];
        }
    }

    /// <summary>Records a step.</summary>
    /// <param name="value">Where the training stands.</param>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        RecordedGradients? measured = null;
        if (hasLabels && (value.Step % EverySteps == 0 || value.Step == value.Steps || gradients.Count == 0))
        {
            var found = Insight.FindGradients(model, sources, Batches, options, CancellationToken.None);
            hasLabels = found is not null;
            if (found is not null)
                measured = new() { Step = value.Step, Gradients = found };
        }

        lock (recording)
        {
            if (measured is not null)
                gradients.Add(measured);
            if (value.Step % stride == 0 || IsKept(value) || reports.Count == 0)
                reports.Add(value);
            if (reports.Count >= MostReports)
            {
                stride *= 2;
                reports = [.. reports.Where((report, index) => index == 0 || report.Step % stride == 0 || IsKept(report))];
            }

            if (gradients.Count >= MostReports)
                gradients = [.. gradients.Where((_, index) => index % 2 == 0)];
        }

        next?.Report(value);
    }

    private static bool IsKept(TrainingProgress report) => report.EpochResult is not null || report.Warnings.Count > 0 || report.Step == report.Steps;
}
