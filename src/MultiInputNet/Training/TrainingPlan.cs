using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>The steps of a training: which phase and epoch each belongs to, its learning rate, and which sources take part.</summary>
internal sealed class TrainingPlan
{
    private readonly TrainerOptions options;
    private readonly SourcePlan sources;

    public TrainingPlan(TrainerOptions options, IReadOnlyList<DataSource> sources)
    {
        this.options = options;
        SourcePlan PlanOf(long? batchesPerEpoch) => options.Sampling.Plan(sources, options.BatchSize, options.Seed, batchesPerEpoch);
        StepsPerEpoch = options.StepsPerEpoch ?? (PlanOf(null).StepsPerEpoch + options.AccumulatedBatches - 1) / options.AccumulatedBatches;
        this.sources = PlanOf(StepsPerEpoch * options.AccumulatedBatches);
        var phases = new List<PlannedPhase>();
        foreach (var phase in options.Phases.DefaultIfEmpty<TrainingPhase?>(null))
            phases.Add(new(phase, phases.LastOrDefault()?.End ?? 0, (phase?.Epochs ?? options.Epochs) * StepsPerEpoch));
        Phases = phases;
    }

    /// <summary>The phases, at least one.</summary>
    public IReadOnlyList<PlannedPhase> Phases { get; }

    public long StepsPerEpoch { get; }

    /// <summary>The total number of steps.</summary>
    public long Steps => Phases[^1].End;

    /// <summary>
    /// The sources of a batch, and which of their batches; a step accumulates one or several, numbered over the whole training.
    /// </summary>
    public IReadOnlyList<SourceDraw> Draws(long number) => sources.At(number);

    /// <summary>The learning rate of a step.</summary>
    public double RateOf(PlannedPhase phase, long step) =>
        (phase.Phase?.LearningRate ?? options.LearningRate) * options.Schedule.Factor(step - phase.First, phase.Steps);

    /// <summary>Whether a training is within a phase, after its first step: only then does an optimizer have a state.</summary>
    public bool IsWithin(TrainingState state) => state.Phase < Phases.Count && state.Step > Phases[state.Phase].First;

    /// <summary>Whether the steps of an epoch are done and its evaluation is still to come.</summary>
    public bool EndsEpoch(PlannedPhase phase, TrainingState state) => state.Step > phase.First
        && (state.Step - phase.First) % StepsPerEpoch == 0
        && !(state.History is [.., var last] && last.Step == state.Step);
}

/// <summary>A phase and its place in the plan.</summary>
/// <param name="Phase">What is trained; all that is not frozen when null.</param>
/// <param name="First">Its first step, from 0.</param>
/// <param name="Steps">How many it has.</param>
internal sealed record PlannedPhase(TrainingPhase? Phase, long First, long Steps)
{
    /// <summary>The step after its last.</summary>
    public long End => First + Steps;
}
