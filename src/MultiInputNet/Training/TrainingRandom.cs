using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>
/// Torch's random state during a training. Everything random follows from the seed and the position in the training, so that resuming needs
/// no random state; where nothing is drawn, the state of the process is left alone.
/// </summary>
internal sealed class TrainingRandom
{
    private readonly MultiInputModel model;
    private readonly long seed;
    private readonly bool drawsInTraining;
    private readonly bool drawsInEvaluation;

    public TrainingRandom(MultiInputModel model, long seed, IReadOnlyList<DataSource> sources, LossBalancer balancer)
    {
        (this.model, this.seed) = (model, seed);
        drawsInEvaluation = RandomModules.DrawInEvaluation(model);
        drawsInTraining = RandomModules.DrawInTraining(model) || sources.Any(source => source.Augment is not null) || balancer.MayDraw;
    }

    /// <summary>A scope for a batch, by its number in the training.</summary>
    public IDisposable? OfBatch(long number) => Drawing(drawsInTraining, SeededOrder.SeedOf(seed, number));

    /// <summary>A scope for the evaluation after a step.</summary>
    public IDisposable? OfEvaluation(long step) => Drawing(drawsInEvaluation, SeededOrder.SeedOf(SeededOrder.SeedOf(seed, step), 1));

    /// <summary>A scope for computing the features that a phase reuses, by its first step.</summary>
    public IDisposable? OfFeatures(long step) => Drawing(drawsInEvaluation, SeededOrder.SeedOf(SeededOrder.SeedOf(seed, step), 2));

    private IDisposable? Drawing(bool isRandom, long drawn) => isRandom ? GlobalRandom.Seeded(drawn, model.Device) : null;
}
