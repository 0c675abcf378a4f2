namespace MultiInputNet;

/// <summary>An image, or any grid of pixels, with any number of channels: batches are <c>(batch, channels, height, width)</c>.</summary>
/// <param name="Channels">The number of channels: 1 for grayscale, 3 for RGB, more for multi-band images.</param>
/// <param name="Height">The number of pixel rows.</param>
/// <param name="Width">The number of pixel columns.</param>
public sealed record ImageInput(int Channels, int Height, int Width) : InputSpec
{
    /// <summary>How files of another size are resized, in training and later; batches always have the declared size.</summary>
    /// <value>Default: <see cref="Resize.Stretch"/>.</value>
    public Resize Resize { get; init; }

    private protected override IReadOnlyList<long> SampleShape => [Channels, Height, Width];

    private protected override string KindName => "image";

    internal override ProjectionSpec DefaultProjection => new ConvolutionProjectionSpec();

    internal override string ChannelWord => "channel";

    internal override int? MapChannels => Channels;

    internal override (string Problem, string Cure)? FindMistake() => base.FindMistake() ?? (Enum.IsDefined(Resize)
        ? null
        : ($"its images are resized by '{Resize}'.", $"Use one of {string.Join(", ", Enum.GetNames<Resize>())}."));
}
