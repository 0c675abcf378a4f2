namespace MultiInputNet.Training;

/// <summary>
/// A part of a training in which some parts of the model are trained, each at its own rate, and all others are frozen: their parameters and
/// normalisation statistics stay the same to the bit.
/// </summary>
public sealed class TrainingPhase
{
    /// <summary>Creates a phase.</summary>
    /// <param name="epochs">How many epochs it lasts, at least 1.</param>
    /// <param name="parts">
    /// The parts to train, from <see cref="MultiInputNet.Parts"/>; the whole model if none is given. Where parts overlap, the rate of the
    /// later one applies.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There is no epoch.</exception>
    public TrainingPhase(int epochs, params IReadOnlyList<PartRate> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Contains(null!))
            throw new ArgumentException("One of the parts is null.", nameof(parts));
        ArgumentOutOfRangeException.ThrowIfLessThan(epochs, 1);
        Epochs = epochs;
        Parts = parts.Count == 0 ? [MultiInputNet.Parts.All] : [.. parts];
    }

    /// <summary>The number of epochs.</summary>
    public int Epochs { get; }

    /// <summary>The parts to train.</summary>
    public IReadOnlyList<PartRate> Parts { get; }

    /// <summary>The peak learning rate of this phase.</summary>
    /// <value>Default: <see langword="null"/>, that of the trainer's options.</value>
    public double? LearningRate { get; init => field = value is { } rate ? OptionRange.Between(rate, 0, 100, nameof(LearningRate)) : null; }

    /// <summary>
    /// The factor of the rate for each stage of the base from its end to the input (Howard and Ruder, 2018): with n stages the last has
    /// this factor, the first its n-th power, and projections its (n + 1)-th. Class tokens and position embeddings go with the first stage;
    /// an input's own layers in the base, normalisations and adapters, keep the full rate.
    /// </summary>
    /// <value>Default: 1, all have one rate.</value>
    public double LayerDecay { get; init => field = OptionRange.Between(value, 0, 1, nameof(LayerDecay)); } = 1;

    /// <summary>The phase in words.</summary>
    /// <returns>Its epochs, parts and rates.</returns>
    public override string ToString() => FormattableString.Invariant(
        $"{Epochs} epochs of {string.Join(", ", Parts)}{(LearningRate is { } rate ? $" at {rate}" : "")}{(LayerDecay == 1 ? "" : $", layer decay {LayerDecay}")}");
}
