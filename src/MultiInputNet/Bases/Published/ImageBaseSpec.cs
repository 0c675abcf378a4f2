namespace MultiInputNet;

/// <summary>
/// A base of a published family: its weights have the names, shapes and meaning of torchvision's, so that weights trained on ImageNet fit.
/// An image with as many channels as the base takes goes in unchanged, without a projection.
/// </summary>
/// <param name="Channels">The number of channels that the base takes: 3 for published weights.</param>
public abstract record ImageBaseSpec(int Channels) : BaseSpec(Channels)
{
    /// <summary>
    /// Whether the model standardises RGB images with the mean and deviation of ImageNet, as the published weights expect. This applies to
    /// an image input of 3 channels that enters the base directly or through an adapted stem (or whose bands are named red, green and blue,
    /// in any order and number), and has no <see cref="InputSpec.Mean"/> of its own. Its values must then be from 0 to 1.
    /// </summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool ImageNetNormalization { get; init; } = true;

    internal override ProjectionSpec DefaultProjection(InputSpec input) =>
        input.MapChannels == Channels ? Projections.Identity() : base.DefaultProjection(input);

    internal override Standardization? CreateStandardization(InputSpec input, ProjectionSpec projection)
    {
        var bands = projection.FindBands(input);
        if (!ImageNetNormalization || bands.Count == 0 || bands.Except(AdaptedStemSpec.Rgb).Any())
            return null;

        // Red, green and blue of ImageNet's training images, for values from 0 to 1.
        var statistics = AdaptedStemSpec.Rgb.Zip([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).ToDictionary(band => band.First);
        return new([.. bands.Select(band => statistics[band].Second)], [.. bands.Select(band => statistics[band].Third)]);
    }

    private protected static (string Problem, string Cure)? FindMistakeInChance(string what, double chance) =>
        chance is >= 0 and < 1 ? null : ($"its {what} is {chance}.", "Give a probability from 0 to below 1.");

    /// <summary>The channels, if nothing is wrong with the description.</summary>
    internal int CheckedChannels() => FindMistake() is var (problem, cure)
        ? throw new ArgumentException($"{GetType().Name}: {problem} {cure}")
        : Channels;
}
