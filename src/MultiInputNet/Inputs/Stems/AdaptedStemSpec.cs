using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Describes the first convolution of a base (of a published family, or of a non-residual <see cref="ConvNetSpec"/>), adapted to an image
/// with any number of channels. Its output enters the base after that convolution, so that pretrained first weights can be used for images
/// of any kind.
/// </summary>
/// <remarks>
/// <para>
/// It is initialised from the weights with which the base is built; after others are loaded, <see cref="MultiInputModel.AdaptStems"/>
/// adapts those. The base is called with the output of the stem, which is what hooks on the base see.
/// </para>
/// <para>
/// Each input has its own weights, unless they are shared: with <see cref="Bands"/>, all inputs of a base that name a band share the
/// weights of that band, and an input may combine bands that were never trained together. Without, those with the same method and number of
/// channels share all weights. Shared weights are frozen and trained with the projection of any of their inputs.
/// </para>
/// </remarks>
internal sealed record AdaptedStemSpec : ProjectionSpec
{
    /// <summary>How the weights are adapted, if no bands are named.</summary>
    /// <value>Default: <see cref="StemMethod.Repeat"/>.</value>
    public StemMethod Method { get; init; }

    /// <summary>
    /// The name of each of the input's channels: <c>red</c>, <c>green</c> and <c>blue</c> get the weights that a base with 3 channels has
    /// for them, any other band the mean of all. All are scaled by old over new channels, which preserves the expected result.
    /// </summary>
    /// <value>Default: <see langword="null"/>, the channels have no names.</value>
    public IReadOnlyList<string>? Bands { get; init; }

    /// <summary>Whether the weights are shared with other inputs.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool Shared { get; init; }

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target)
    {
        if (target.FirstConvolution is not { } first)
            throw new NotSupportedException("the base has no first convolution that can be adapted");
        var (channels, bank) = (input.MapChannels!.Value, target.Stems);
        if (!Shared)
            return new AdaptedStem(first, channels, weight => Bands is null ? StemAdapter.Adapt(weight, channels, Method) : AdaptBands(weight, Bands) * Scale(weight, channels));
        foreach (var name in SliceNames(channels).Where(name => bank.Find(name) is null))
            bank.Add(name, new(first, weight => Bands is null ? StemAdapter.Adapt(weight, channels, Method) : AdaptBands(weight, [name])));
        return new SharedStem(first, [.. SliceNames(channels).Select(name => bank.Find(name)!)], Bands is null ? 1 : Scale(first.weight, channels));
    }

    internal override Int128 CountWeights(InputSpec input, ProjectionTarget target)
    {
        var bank = target.Stems;
        var channels = (int)input.Shape[0];
        var created = !Shared ? channels
            : Bands is not null ? Bands.Count(band => bank.Find(band) is null)
            : SliceNames(channels).Any(name => bank.Find(name) is null) ? channels : 0;
        return created * target.FirstWeightsPerChannel;
    }

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) =>
        input.MapChannels is not { } channels ? WrongKind("An adapted stem", input, "Use Projections.Tabular for tables, Projections.Sequence for sequences and tokens.")
        : Bands is null ? null
        : Bands.Count != channels ? ($"its {channels} channels have {Bands.Count} band names.", "Name each channel's band, in their order.")
        : Bands.CountBy(band => band).FirstOrDefault(band => band.Value > 1).Key is { } twice ? ($"two of its bands are called '{twice}'.", "Give each a different name.")
        : Bands.FirstOrDefault(band => !WeightNames.IsPart(band)) is { } odd
            ? ($"the name of its band '{odd}' cannot be part of a weight's name.", "Use 1 to 100 letters, digits, '_' and '-'.")
        : null;

    /// <summary>The names of the bands of a base of 3 channels.</summary>
    internal static IReadOnlyList<string> Rgb { get; } = ["red", "green", "blue"];

    internal override IReadOnlyList<string> FindBands(InputSpec input) => Bands ?? (input.MapChannels == Rgb.Count ? Rgb : []);

    internal override IEnumerable<string> FindWarnings(ProjectionTarget target, IReadOnlyList<nn.Module> layers)
    {
        string[] unknown = [.. Bands?.Where(band => target.FirstConvolution!.weight.shape[1] != Rgb.Count || !Rgb.Contains(band)) ?? []];
        if (unknown.Length > 0)
            yield return $"the base has no weights for {(unknown.Length == 1 ? "band" : "the bands")} {Shapes.Names(unknown)}, so {(unknown.Length == 1 ? "it gets" : "each gets")} the mean of all its channels; it knows {string.Join(", ", Rgb.Select(band => $"'{band}'"))} if it takes 3 channels. Correct the name if it is misspelled.";
    }

    // A band cannot have the name of a method's slice.
    private IReadOnlyList<string> SliceNames(int channels) => Bands ?? [$"{Method}({channels})"];

    private static Tensor AdaptBands(Tensor weight, IReadOnlyList<string> bands) =>
        StemAdapter.Adapt(weight, weight.shape[1] == Rgb.Count ? Rgb : [.. Enumerable.Range(0, (int)weight.shape[1]).Select(channel => $"({channel})")], bands);

    private static double Scale(Tensor weight, int channels) => (double)weight.shape[1] / channels;
}
