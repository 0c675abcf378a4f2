using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>
/// What a training reports, kept for curves: pass it to <c>Trainer.Fit</c> as its progress, and to <see cref="ReportOptions.Record"/>. It can
/// be read on another thread while the training runs.
/// </summary>
/// <param name="next">Told of each step, too, such as a <c>ConsoleProgress</c>; nobody when null.</param>
public sealed class TrainingRecord(IProgress<TrainingProgress>? next = null) : IProgress<TrainingProgress>
{
    private const int MostSteps = 1024;

    private readonly Lock reading = new();
    private readonly List<TrainingProgress> steps = [];
    private readonly List<EpochResult> epochs = [];
    private readonly List<string> warnings = [];
    private TrainingProgress? latest;
    private long reported;
    private long stride = 1;

    /// <summary>The last step that was reported; null before the first.</summary>
    public TrainingProgress? Latest
    {
        get
        {
            lock (reading)
                return latest;
        }
    }

    /// <summary>The steps that were kept: evenly spaced over the training, at most 1,024 of them.</summary>
    public IReadOnlyList<TrainingProgress> Steps
    {
        get
        {
            lock (reading)
                return [.. steps];
        }
    }

    /// <summary>The result of each epoch so far.</summary>
    public IReadOnlyList<EpochResult> Epochs
    {
        get
        {
            lock (reading)
                return [.. epochs];
        }
    }

    /// <summary>The warnings so far.</summary>
    public IReadOnlyList<string> Warnings
    {
        get
        {
            lock (reading)
                return [.. warnings];
        }
    }

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        lock (reading)
        {
            latest = value;
            warnings.AddRange(value.Warnings);
            if (value.EpochResult is { } result)
                epochs.Add(result);
            if (reported++ % stride == 0)
                steps.Add(value);
            if (steps.Count > MostSteps)
            {
                // Every other one, from the first.
                var kept = steps.Where((_, index) => index % 2 == 0).ToArray();
                steps.Clear();
                steps.AddRange(kept);
                stride *= 2;
            }
        }

        next?.Report(value);
    }
}
