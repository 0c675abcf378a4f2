namespace MultiInputNet.Training;

/// <summary>How a <see cref="Trainer"/> trains.</summary>
public sealed record TrainerOptions
{
    /// <summary>Epochs. In each, the source with the most batches is passed once; the others start over, shuffled anew.</summary>
    /// <value>Default: 10.</value>
    public int Epochs { get; init => field = AtLeast(value, 1, nameof(Epochs)); } = 10;

    /// <summary>Steps of each epoch.</summary>
    /// <value>Default: <see langword="null"/>, the batches of the source that has the most.</value>
    public int? StepsPerEpoch { get; init => field = value is { } steps ? AtLeast(steps, 1, nameof(StepsPerEpoch)) : null; }

    /// <summary>Samples of each source in each step, where the source names no number of its own.</summary>
    /// <value>Default: 64.</value>
    public int BatchSize { get; init => field = AtLeast(value, 1, nameof(BatchSize)); } = 64;

    /// <summary>The highest learning rate.</summary>
    /// <value>Default: 0.001.</value>
    public double LearningRate { get; init => field = Between(value, 0, 100, nameof(LearningRate)); } = 1e-3;

    /// <summary>The share of all steps in which the learning rate rises.</summary>
    /// <value>Default: 0.05.</value>
    public double WarmupShare { get; init => field = Between(value, 0, 1, nameof(WarmupShare)); } = 0.05;

    /// <summary>AdamW's weight decay (Loshchilov and Hutter, 2019). Biases and the affine parameters of normalisations have none.</summary>
    /// <value>Default: 0.01.</value>
    public double WeightDecay { get; init => field = Between(value, 0, 100, nameof(WeightDecay)); } = 0.01;

    /// <summary>The largest norm of all gradients together; larger ones are scaled down to it. Infinity for no limit.</summary>
    /// <value>Default: 1.</value>
    public double GradientClip { get; init => field = Between(value, double.Epsilon, double.PositiveInfinity, nameof(GradientClip)); } = 1;

    /// <summary>Governs the order of samples, dropout and augmentation. Weights are drawn earlier, when the model is built.</summary>
    /// <value>Default: 0.</value>
    public long Seed { get; init; }

    private static int AtLeast(int value, int least, string name) => value >= least
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give at least {least}.");

    private static double Between(double value, double low, double high, string name) => value >= low && value <= high
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a number from {low} to {high}.");
}
