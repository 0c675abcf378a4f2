using System.Globalization;
using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>Options of a <see cref="Trainer"/>.</summary>
public sealed record TrainerOptions
{
    /// <summary>The number of epochs, unless there are <see cref="Phases"/>.</summary>
    /// <value>Default: 10.</value>
    public int Epochs { get; init => field = OptionRange.AtLeast(value, 1, nameof(Epochs)); } = 10;

    /// <summary>
    /// What to train, one phase after another, instead of <see cref="Epochs"/>. Each phase has its own optimizer state and runs the
    /// schedule from its start; what it does not name is frozen.
    /// </summary>
    /// <value>Default: none; all that is not frozen is trained.</value>
    public IReadOnlyList<TrainingPhase> Phases
    {
        get;
        init => field = (value ?? throw new ArgumentNullException(nameof(Phases))).Contains(null!)
            ? throw new ArgumentException("One of the phases is null.", nameof(Phases))
            : [.. value];
    } = [];

    /// <summary>Steps per epoch.</summary>
    /// <value>
    /// Default: <see langword="null"/>, determined by <see cref="Sampling"/>: if all sources are in every step, the number of batches of
    /// the largest source, which is seen once; the others start over, shuffled anew.
    /// </value>
    public int? StepsPerEpoch { get; init => field = value is { } steps ? OptionRange.AtLeast(steps, 1, nameof(StepsPerEpoch)) : null; }

    /// <summary>Which sources take part in a step.</summary>
    /// <value>Default: <see cref="SourceSampling.All"/>.</value>
    public SourceSampling Sampling { get; init => field = value ?? throw new ArgumentNullException(nameof(Sampling)); } = SourceSampling.All;

    /// <summary>How the losses of the tasks are weighted, or their gradients combined.</summary>
    /// <value>Default: <see cref="LossBalancing.Equal"/>.</value>
    public LossBalancing Balancing { get; init => field = value ?? throw new ArgumentNullException(nameof(Balancing)); } = LossBalancing.Equal;

    /// <summary>
    /// The strength of mixup, from 0.01 to 100: samples of each batch are mixed with others of it.
    /// </summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public double? MixupAlpha { get; init => field = value is { } alpha ? OptionRange.Between(alpha, 0.01, 100, nameof(MixupAlpha)) : null; }

    /// <summary>
    /// The decay of an exponential moving average of the weights, from 0 to below 1. Evaluations
    /// use the average, and the model has it at the end.
    /// </summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public double? WeightAverageDecay { get; init => field = value is { } decay ? OptionRange.Share(decay, nameof(WeightAverageDecay)) : null; }

    /// <summary>Samples per batch of each source, unless the source has a batch size of its own.</summary>
    /// <value>Default: 64.</value>
    public int BatchSize { get; init => field = OptionRange.AtLeast(value, 1, nameof(BatchSize)); } = 64;

    /// <summary>
    /// Samples that go through the model at once in an evaluation: a matter of memory and speed; results are the same except for rounding.
    /// </summary>
    /// <value>
    /// Default: <see langword="null"/>, as many as fill 64 MiB with the largest map that the base produces for a sample, from 1 to 512.
    /// </value>
    public int? EvaluationBatchSize { get; init => field = value is { } size ? OptionRange.AtLeast(size, 1, nameof(EvaluationBatchSize)) : null; }

    /// <summary>
    /// Batches of each source over which gradients are averaged before a step. <see cref="LossBalancing.GradNorm"/>,
    /// <see cref="LossBalancing.PCGrad"/> and <see cref="LossBalancing.CAGrad"/> look at the gradients of each batch.
    /// </summary>
    /// <value>Default: 1.</value>
    public int AccumulatedBatches { get; init => field = OptionRange.AtLeast(value, 1, nameof(AccumulatedBatches)); } = 1;

    /// <summary>How gradients change the weights.</summary>
    /// <value>Default: <see cref="Optimizers.AdamW"/>.</value>
    public OptimizerSpec Optimizer { get; init => field = value ?? throw new ArgumentNullException(nameof(Optimizer)); } = Optimizers.AdamW();

    /// <summary>The peak learning rate.</summary>
    /// <value>Default: 0.001.</value>
    public double LearningRate { get; init => field = OptionRange.Between(value, 0, 100, nameof(LearningRate)); } = 1e-3;

    /// <summary>How the learning rate changes in each phase.</summary>
    /// <value>Default: <see cref="LearningRateSchedule.WarmupCosine"/>.</value>
    public LearningRateSchedule Schedule { get; init => field = value ?? throw new ArgumentNullException(nameof(Schedule)); } = LearningRateSchedule.WarmupCosine();

    /// <summary>
    /// The weight decay of matrices and kernels, including embeddings of tokens and categories. As in timm, there is none for vectors,
    /// biases of any shape and affine parameters of normalisations, nor, by name, for class tokens, position embeddings, tables of relative
    /// positions and layer scales.
    /// </summary>
    /// <value>Default: 0.01.</value>
    public double WeightDecay { get; init => field = OptionRange.Between(value, 0, 100, nameof(WeightDecay)); } = 0.01;

    /// <summary>The largest norm of all gradients together; larger ones are scaled down. Infinity for no limit.</summary>
    /// <value>Default: 1.</value>
    public double GradientClip { get; init => field = OptionRange.Between(value, double.Epsilon, double.PositiveInfinity, nameof(GradientClip)); } = 1;

    /// <summary>When to end a phase early; needs validation sources.</summary>
    /// <value>Default: <see langword="null"/>, never.</value>
    public EarlyStopping? EarlyStopping { get; init; }

    /// <summary>Where and when to write checkpoints.</summary>
    /// <value>Default: <see langword="null"/>, none are written.</value>
    public CheckpointOptions? Checkpoints { get; init; }

    /// <summary>A folder for TensorBoard event files: losses and the learning rate at each step, validation after each epoch.</summary>
    /// <value>Default: <see langword="null"/>, none are written.</value>
    public string? TensorBoardFolder { get; init; }

    /// <summary>
    /// The memory limit, in bytes, of features that are computed once and reused if projection and base of an input are frozen and nothing
    /// changes its samples at random.
    /// </summary>
    /// <value>Default: 1 GiB. 0 switches the reuse off.</value>
    public long FeatureCacheBytes { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(FeatureCacheBytes), value, "Give at least 0."); } = 1L << 30;

    /// <summary>
    /// The seed of the order of samples, dropout and augmentation. Weights are drawn earlier: see
    /// <see cref="MultiInputModelBuilder.Build"/>.
    /// </summary>
    /// <value>Default: 0.</value>
    public long Seed { get; init; }

    /// <summary>Those options that affect the resulting weights, in words.</summary>
    internal IReadOnlyDictionary<string, string> Fingerprint()
    {
        // A record's text writes numbers in the current culture, including users' records.
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            return new Dictionary<string, string>
            {
                [nameof(Epochs)] = $"{Epochs}",
                ["Stages"] = string.Join("; ", Phases),
                [nameof(StepsPerEpoch)] = $"{StepsPerEpoch}",
                [nameof(BatchSize)] = $"{BatchSize}",
                [nameof(AccumulatedBatches)] = $"{AccumulatedBatches}",
                [nameof(Optimizer)] = $"{Optimizer}",
                [nameof(LearningRate)] = $"{LearningRate}",
                [nameof(Schedule)] = $"{Schedule}",
                [nameof(Sampling)] = $"{Sampling}",
                [nameof(Balancing)] = $"{Balancing}",
                [nameof(MixupAlpha)] = $"{MixupAlpha}",
                [nameof(WeightAverageDecay)] = $"{WeightAverageDecay}",
                [nameof(WeightDecay)] = $"{WeightDecay}",
                [nameof(GradientClip)] = $"{GradientClip}",
                [nameof(EarlyStopping)] = $"{EarlyStopping}",
                [nameof(Seed)] = $"{Seed}",
            };
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
