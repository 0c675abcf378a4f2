using System.Diagnostics;

namespace MultiInputNet.Training;

/// <summary>What a training reports while it runs: to the program that started it, and in TensorBoard event files.</summary>
internal sealed class TrainingReports
{
    private readonly TrainingSetup training;
    private readonly IProgress<TrainingProgress>? progress;
    private readonly TrainingLog? log;
    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly List<string> warnings = [];
    private int reported;

    /// <exception cref="MultiInputException">TensorBoard event files cannot be written.</exception>
    public TrainingReports(TrainingSetup training, IProgress<TrainingProgress>? progress)
    {
        (this.training, this.progress) = (training, progress);
        log = training.Options.TensorBoardFolder is { } folder ? new(folder) : null;
    }

    /// <summary>The steps that were already done when this run of the training began.</summary>
    public long FirstStep { get; set; }

    /// <summary>Whether anybody listens.</summary>
    public bool ShowsMetrics => progress is not null;

    /// <summary>What was noticed, in that order.</summary>
    public IReadOnlyList<string> Warnings => warnings;

    public void Warn(IEnumerable<string> found) => warnings.AddRange(found);

    /// <summary>Where the training stands after a step.</summary>
    public TrainingProgress Describe(TrainingState state, double rate, Dictionary<string, double> losses, PhaseBatches batches)
    {
        var plan = training.Plan;
        return new()
        {
            Step = state.Step,
            Steps = plan.Steps,
            Epoch = (int)((state.Step - 1) / plan.StepsPerEpoch) + 1,
            Epochs = (int)(plan.Steps / plan.StepsPerEpoch),
            Phase = state.Phase + 1,
            Phases = plan.Phases.Count,
            LearningRate = rate,
            Losses = losses,
            Metrics = batches.Metrics(),
            EpochsSeen = EpochsSeen(state),
            Remaining = clock.Elapsed / Math.Max(1, state.Step - FirstStep) * (plan.Steps - state.Step),
            MetricNames = batches.MetricNames(),
            Warnings = NewWarnings(),
        };
    }

    /// <summary>How often each source has been seen.</summary>
    public Dictionary<string, double> EpochsSeen(TrainingState state) =>
        training.Sources.ToDictionary(source => source.Name, source => (double)state.Drawn.GetValueOrDefault(source.Name) / source.Count);

    public void Send(TrainingProgress current)
    {
        log?.Write(current);
        progress?.Report(current);
    }

    /// <summary>The warnings that have not been reported yet.</summary>
    private List<string> NewWarnings()
    {
        var added = warnings[reported..];
        reported = warnings.Count;
        return added;
    }
}
