namespace MultiInputNet;

/// <summary>Describes a <see cref="VisionTransformerBase"/>; by default ViT-B/16.</summary>
/// <param name="Channels">The number of channels that the base takes: 3 for published weights.</param>
public sealed record VisionTransformerSpec(int Channels = 3) : ImageBaseSpec(Channels)
{
    /// <summary>The width of a token.</summary>
    /// <value>Default: 768.</value>
    public int Width { get; init; } = 768;

    /// <summary>The number of encoder layers.</summary>
    /// <value>Default: 12.</value>
    public int Depth { get; init; } = 12;

    /// <summary>The number of attention heads per layer, which must divide the width.</summary>
    /// <value>Default: 12.</value>
    public int Heads { get; init; } = 12;

    /// <summary>The height and width of a patch.</summary>
    /// <value>Default: 16.</value>
    public int PatchSize { get; init; } = 16;

    /// <summary>
    /// The height and width of the images for which the position embedding is made, a multiple of the patch size; for maps of other sizes
    /// it is interpolated.
    /// </summary>
    /// <value>Default: 224.</value>
    public int ImageSize { get; init; } = 224;

    /// <summary>The output: the tokens of the patches as a map, the class token, or all tokens.</summary>
    /// <value>Default: <see cref="TransformerOutput.Patches"/>.</value>
    public TransformerOutput Output { get; init; }

    /// <summary>The dropout probability after the embedding, attention and linear layers in training mode.</summary>
    /// <value>Default: 0.</value>
    public double Dropout { get; init; }

    /// <summary>The dropout probability of each attention weight in training mode.</summary>
    /// <value>Default: 0.</value>
    public double AttentionDropout { get; init; }

    /// <summary>
    /// The probability of dropping the last layer for a sample in training mode (stochastic depth); it grows linearly from 0 at the first.
    /// </summary>
    /// <value>Default: 0.</value>
    public double StochasticDepth { get; init; }

    internal override SampleMixing Mixing => StochasticDepth > 0 || Dropout > 0 || AttentionDropout > 0 ? SampleMixing.InTraining : SampleMixing.Never;

    internal override Int128 FirstWeightsPerChannel => (Int128)Width * PatchSize * PatchSize;

    internal override SharedBase Create() => new VisionTransformerBase(this);

    internal override Int128 CountWeights() => FirstWeightsPerChannel * Channels + (Int128)Width
        * (2 + (Int128)(ImageSize / PatchSize) * (ImageSize / PatchSize) + 12 * (Int128)Depth * Width);

    internal override (string Problem, string Cure)? FindMistake() =>
        base.FindMistake() is { } mistake ? mistake
        : Width is < 1 or > Limits.LargestSize ? ($"its width is {Width}.", $"Give from 1 to {Limits.LargestSize:N0} channels.")
        : Depth is < 1 or > Limits.LargestDepth ? ($"its depth is {Depth}.", $"Give from 1 to {Limits.LargestDepth:N0} layers.")
        : Heads < 1 || Width % Heads != 0 ? ($"it has {Heads} heads for a width of {Width}.", "Give heads that divide the width.")
        : PatchSize is < 1 or > Limits.LargestSize || ImageSize is < 1 or > Limits.LargestSize || ImageSize % PatchSize != 0
            ? ($"its patches have {PatchSize}×{PatchSize} pixels for images of {ImageSize}×{ImageSize}.", "Give an image size that is a multiple of the patch size.")
        : FindMistakeInChance("dropout", Dropout)
        ?? FindMistakeInChance("attention dropout", AttentionDropout)
        ?? FindMistakeInChance("stochastic depth", StochasticDepth);
}
