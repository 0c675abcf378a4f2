using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>
/// Looks for a learning rate (Smith, 2017, in the form of fastai's <c>lr_find</c>): trains for some steps with a rate that grows
/// exponentially, and records the loss. Afterwards the model is as before, to the bit.
/// </summary>
/// <remarks>
/// It takes the steps of a <see cref="Trainer"/> with these options: optimizer, weight decay, gradient clipping, loss balancing, mixup,
/// accumulated batches, and the parts of the first phase, if there are phases. Every step has a batch of every source, whatever the
/// sampling, so that the losses of all steps can be compared. Memory: one more copy of the weights, besides the state of the optimizer.
/// </remarks>
/// <param name="model">The model. It stays the caller's.</param>
/// <param name="options">How it is to be trained; the defaults when null.</param>
public sealed class LearningRateFinder(MultiInputModel model, TrainerOptions? options = null)
{
    private const double Decay = 0.98;
    private const double DivergedFactor = 4;

    private readonly MultiInputModel model = model ?? throw new ArgumentNullException(nameof(model));

    /// <summary>The options.</summary>
    public TrainerOptions Options { get; } = options ?? new();

    /// <summary>The number of steps, at least 10.</summary>
    /// <value>Default: 100.</value>
    public int Steps { get; init => field = value >= 10 ? value : throw new ArgumentOutOfRangeException(nameof(Steps), value, "Give at least 10."); } = 100;

    /// <summary>The rate of the first step, above 0 and below <see cref="Highest"/>.</summary>
    /// <value>Default: 1e-7.</value>
    public double Lowest { get; init => field = Rate(value, nameof(Lowest)); } = 1e-7;

    /// <summary>The rate of the last step, at most 100.</summary>
    /// <value>Default: 10.</value>
    public double Highest { get; init => field = Rate(value, nameof(Highest)); } = 10;

    /// <summary>Whether it ends once the smoothed loss is four times its smallest so far.</summary>
    /// <value>Default: <see langword="true"/>. It ends at a loss that is not finite in any case.</value>
    public bool StopsAtDivergence { get; init; } = true;

    /// <summary>Looks for the rate.</summary>
    /// <param name="sources">The samples to train on.</param>
    /// <param name="progress">Told of each step, on the calling thread.</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    /// <returns>The curve, with suggestions.</returns>
    /// <exception cref="MultiInputException">
    /// As for <c>Trainer.Fit</c>; a loss that is not finite is one only in the first step, and later the end of the curve.
    /// </exception>
    /// <exception cref="ArgumentException"><see cref="Lowest"/> is not below <see cref="Highest"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the model is as before.</exception>
    public LearningRateCurve Find(
        IReadOnlyList<DataSource> sources, IProgress<LearningRatePoint>? progress = null, CancellationToken cancellationToken = default)
    {
        if (Lowest >= Highest)
            throw new ArgumentException(FormattableString.Invariant($"The lowest rate is {Lowest} and the highest {Highest}; give a lowest one below the highest."));
        var first = Options.Phases is [var phase, ..] ? phase : null;
        var growing = Options with
        {
            Epochs = 1,
            Phases = first is null ? [] : [new TrainingPhase(1, first.Parts) { LayerDecay = first.LayerDecay }],
            StepsPerEpoch = Steps,
            Sampling = SourceSampling.All,
            LearningRate = Highest,
            Schedule = new Growing(Lowest / Highest),
            WeightAverageDecay = null,
            EarlyStopping = null,
            Checkpoints = null,
            TensorBoardFolder = null,
        };
        SourceChecks.CheckTraining(model, growing, sources, validation: null);
        using var undisturbed = new Undisturbed(model, gradients: true);
        KeepWeights(undisturbed);
        TargetStatistics.Learn(model, sources);
        model.train();
        using var training = new TrainingSetup(model, growing, sources, validation: null);
        using var steps = new PhaseTraining(training, training.Plan.Phases[0], new(), () => "The model is as before.", showsMetrics: false);
        var (points, smoothed, best) = (new List<LearningRatePoint>(), 0.0, double.PositiveInfinity);
        for (var step = 0; step < Steps; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            double loss;
            try
            {
                loss = steps.Step().Values.Sum();
            }
            catch (MultiInputException e) when (e.IsDivergence && step > 0)
            {
                return LearningRateCurve.Of(points, diverged: true);
            }

            smoothed = Decay * smoothed + (1 - Decay) * loss;
            var point = new LearningRatePoint
            {
                Rate = training.Plan.RateOf(training.Plan.Phases[0], step),
                Loss = loss,
                SmoothedLoss = smoothed / (1 - Math.Pow(Decay, step + 1)),
            };
            points.Add(point);
            progress?.Report(point);
            best = Math.Min(best, point.SmoothedLoss);
            if (StopsAtDivergence && point.SmoothedLoss > DivergedFactor * best)
                return LearningRateCurve.Of(points, diverged: true);
        }

        return LearningRateCurve.Of(points, diverged: false);
    }

    /// <summary>Gives the model its weights, and what is frozen, back at the end of a scope.</summary>
    private void KeepWeights(Undisturbed undisturbed)
    {
        var freezing = model.SaveFreezing();
        (Parameter Parameter, Tensor Kept)[] weights = [.. model.parameters().Select(parameter => (parameter, parameter.detach().clone()))];
        undisturbed.AtItsEnd(() =>
        {
            using var noGrad = no_grad();
            model.RestoreFreezing(freezing);
            foreach (var (parameter, kept) in weights)
                parameter.copy_(kept);
        });
    }

    private static double Rate(double value, string name) => value is > 0 and <= 100
        ? value
        : throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value}; give a rate above 0, to 100."));

    /// <summary>A rate that grows by the same factor in each step, up to the peak rate.</summary>
    private sealed class Growing(double first) : LearningRateSchedule
    {
        public double First { get; init; } = first;

        protected override double FactorAt(long step, long steps) => Math.Pow(First, 1 - step / (double)Math.Max(1, steps - 1));
    }
}
