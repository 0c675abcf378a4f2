namespace MultiInputNet;

/// <summary>Describes a <see cref="VisionTransformerBase"/>; without further options ViT-B/16.</summary>
/// <param name="Channels">Channels of the maps that the base takes: 3 for published weights.</param>
public sealed record VisionTransformerSpec(int Channels = 3) : ImageBaseSpec(Channels)
{
    /// <summary>The channels of each token.</summary>
    /// <value>Default: 768.</value>
    public int Width { get; init; } = 768;

    /// <summary>Encoder layers.</summary>
    /// <value>Default: 12.</value>
    public int Depth { get; init; } = 12;

    /// <summary>Attention heads of each layer; they must divide the width.</summary>
    /// <value>Default: 12.</value>
    public int Heads { get; init; } = 12;

    /// <summary>Rows and columns of a patch.</summary>
    /// <value>Default: 16.</value>
    public int PatchSize { get; init; } = 16;

    /// <summary>
    /// Rows and columns of the images that the position embedding is made for, a multiple of the patch size; for maps of other
    /// sizes it is interpolated.
    /// </summary>
    /// <value>Default: 224.</value>
    public int ImageSize { get; init; } = 224;

    /// <summary>What it gives: the tokens of the patches as a map, the class token, or all tokens.</summary>
    /// <value>Default: <see cref="TransformerOutput.Patches"/>.</value>
    public TransformerOutput Output { get; init; }

    /// <summary>The chance of each value behind the embedding, attention and linear layers to be left out in training mode.</summary>
    /// <value>Default: 0.</value>
    public double Dropout { get; init; }

    /// <summary>The chance of each attention weight to be left out in training mode.</summary>
    /// <value>Default: 0.</value>
    public double AttentionDropout { get; init; }

    /// <summary>The chance of the last layer to be left out for a sample in training mode; it grows from 0 at the first layer.</summary>
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
