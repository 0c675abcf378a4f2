using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>Describes models at random, from everything that a builder can make, all of them small. The same seed gives the same model.</summary>
/// <param name="seed">The seed.</param>
internal sealed class ModelGenerator(int seed)
{
    private readonly Random random = new(seed);
    private int images;

    // What the shared base asks of the sizes of its maps.
    private int multiple = 1;
    private int least = 1;

    /// <summary>Exporters for the modules of the program's own that do not say what they compute themselves.</summary>
    public static IReadOnlyDictionary<Type, OnnxExporter> Exporters { get; } = new Dictionary<Type, OnnxExporter>
    {
        [typeof(ChannelSums)] = (_, graph, inputs) => graph.Node("ReduceSum", [inputs[0], graph.Integers(2, 3)], [-1, inputs[0].Shape[1]], attributes: [("keepdims", 0L)]),
    };

    /// <summary>The description of a model; now and then one that <c>Build</c> refuses, since parts that are legal alone need not fit.</summary>
    public MultiInputModelBuilder Describe()
    {
        var builder = MultiInputModel.Define();
        var names = Enumerable.Range(0, Upto(4)).Select(i => $"input{i}").ToArray();
        var own = names.Length > 1 && Chance(0.25) ? names[^1] : null; // has a base for itself
        var (shared, takesStems) = Base();
        foreach (var name in names)
        {
            var (spec, projection) = Input(name == own ? null : shared, takesStems && name != own);
            builder.Input(name, spec, projection);
        }

        builder.Base(shared, perInput: PerInputOf(shared), adapters: Chance(0.25) ? AdaptersOf(shared) : Adapters.None);
        if (own is not null)
            builder.Base(ConvNet(), inputs: [own]);
        if (Chance(0.6))
            builder.Fusion(Pick(Single(), Single(), Fusions.Attention(Pick(1, 2))), shared: Chance(0.4));
        foreach (var name in names)
            builder.Task(name, Head(), fusion: Chance(0.3) ? Pick(Single(), Fusions.Attention(Pick(1, 2, 4)), Fusions.From("channel sums", _ => new ChannelSums())) : null);
        if (names.Length > 1 && Chance(0.7))
            builder.Task("joint", Head(), from: Chance(0.5) ? names : [.. names.Take(2).Reverse()], fusion: Chance(0.8) ? Joint() : null);
        if (Chance(0.2))
            builder.Task("again", Head(), from: [names[0]], fusion: Single());
        return builder;
    }

    /// <summary>The options of an export.</summary>
    public OnnxOptions Options(ModelDescription description) => new()
    {
        Exporters = Exporters,
        RawOutputs = Chance(0.2),
        Standardize = Chance(0.9),
        Verify = Chance(0.2),
        DynamicSize = Chance(0.3),
        CategoriesAsText = Chance(0.5),
        Tasks = Chance(0.2) ? [Pick([.. description.Tasks.Select(task => task.Name)])] : null,
    };

    /// <summary>Gives a model weights and statistics that leave nothing at its starting value, such as 0, 1 or a tiny layer scale.</summary>
    public static void Randomize(MultiInputModel model, long seed)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator((ulong)seed, CPU);
        foreach (var (name, value) in model.state_dict().OrderBy(value => value.Key, StringComparer.Ordinal))
        {
            Tensor Uniform(double from, double to) => rand(value.shape, value.dtype, generator: generator) * (to - from) + from;
            var isScale = name.EndsWith(".weight", StringComparison.Ordinal) && value.dim() == 1 || name.EndsWith("layer_scale", StringComparison.Ordinal);
            if (name.EndsWith("running_var", StringComparison.Ordinal) || isScale)
                value.copy_(Uniform(0.5, 1.5));
            else if (name.EndsWith("running_mean", StringComparison.Ordinal) || (value.is_floating_point() && value.dim() == 1 && !name.Contains("target_") && !name.StartsWith("input_standardizations", StringComparison.Ordinal)))
                value.copy_(Uniform(-0.3, 0.3));
            else if (value.is_floating_point() && value.dim() > 1 && !value.any().ToBoolean())
                value.copy_(Uniform(-0.1, 0.1)); // adapters, a class token
        }
    }

    private (InputSpec Spec, ProjectionSpec? Projection) Input(BaseSpec? sharedBase, bool takesStems)
    {
        // An image more often than not, so that bases and stems have something to do.
        var kind = sharedBase is not null && images++ == 0 ? 0 : Pick(0, 0, 0, 1, 2, 3, 4);
        switch (kind)
        {
            case 1:
                var (length, folding) = SequenceProjection();
                var sequence = Inputs.Sequence(features: Upto(4), length);
                return (Chance(0.5) ? Standardized(sequence) : sequence, folding);
            case 2:
                var (count, grid) = SequenceProjection();
                return (Inputs.Tokens(vocabulary: Upto(30), count), grid);
            case 3:
                var table = Inputs.Tabular(features: Upto(6));
                return (Chance(0.5) ? Standardized(table) : table, TableProjection());
            case 4:
                return (Columns(), TableProjection());
            default:
                var identity = Chance(0.15) && sharedBase is not null;
                var channels = identity ? sharedBase!.Channels : Upto(6);
                var image = Inputs.Image(channels, height: Size(5, 13), width: Size(5, 13));
                ProjectionSpec? projection = identity ? Projections.Identity()
                    : takesStems && Chance(0.4) ? Stem(channels)
                    : Chance(0.5) ? null
                    : Chance(0.1) ? Projections.From("doubled", (_, to) => new Doubled(channels, to))
                    : Projections.Convolution(Any<Normalization>(), Any<Activation>());
                return (Chance(0.5) ? Standardized(image) : image, projection);
        }
    }

    private ProjectionSpec Stem(int channels) => Chance(0.5)
        ? Projections.AdaptedStem(Any<StemMethod>(), shared: Chance(0.5))
        : Projections.BandStem([.. ((string[])["red", "green", "blue", "nir", "swir", "thermal"]).Take(channels)], shared: Chance(0.5));

    private (int Length, ProjectionSpec? Projection) SequenceProjection()
    {
        if (multiple == 1 && least == 1 && Chance(0.4))
            return (random.Next(4, 20), null);
        var (rows, columns, stride) = (Size(1, 4), Size(1, 6), Pick(1, 2));
        return (rows * columns * stride, Projections.Sequence(kernelSize: Pick(1, 3, 5), stride, rows, Any<Normalization>(), Any<Activation>()));
    }

    private ProjectionSpec? TableProjection() =>
        multiple == 1 && least == 1 && Chance(0.4) ? null : Projections.Tabular(Size(1, 4), Size(1, 4), Any<Normalization>(), Any<Activation>());

    private int Size(int from, int to) => Math.Max(least, (random.Next(from, to + 1) + multiple - 1) / multiple * multiple);

    private TabularInput Columns()
    {
        TabularColumn[] columns = [.. Enumerable.Range(0, Upto(5)).Select(TabularColumn (i) => Chance(0.5)
            ? new NumericColumn($"number{i}") { Fill = random.NextDouble() * 4 - 2, MissingIndicator = Chance(0.5) }
            : new CategoricalColumn($"category{i}", [.. Enumerable.Range(0, Upto(6)).Select(category => $"c{category}")]) { EmbeddingWidth = Upto(4) })];
        var table = Inputs.Tabular(columns);
        return Chance(0.5) ? table : table with
        {
            Mean = [.. columns.Select(column => column is CategoricalColumn ? 0 : 1000.0)],
            StandardDeviation = [.. columns.Select(column => column is CategoricalColumn ? 1 : 20.0)],
        };
    }

    private TInput Standardized<TInput>(TInput input)
        where TInput : InputSpec => input with
        {
            Mean = [.. Enumerable.Range(0, (int)input.Shape[0]).Select(_ => random.NextDouble() * 2 - 1)],
            StandardDeviation = [.. Enumerable.Range(0, (int)input.Shape[0]).Select(_ => random.NextDouble() + 0.5)],
        };

    private (BaseSpec Spec, bool TakesStems) Base()
    {
        switch (random.NextDouble())
        {
            case < 0.6:
                var convNet = ConvNet();
                return (convNet, !convNet.Residual);
            case < 0.7:
                least = 8;
                return (new ConvNeXtSpec(Pick(3, 4)) { Widths = [4, 8], Depths = [1, 2], ImageNetNormalization = Chance(0.5) }, true);
            case < 0.82:
                multiple = Pick(2, 4);
                return (new VisionTransformerSpec(Pick(3, 4))
                {
                    Width = 8, Depth = Upto(2), Heads = Pick(1, 2, 4), PatchSize = multiple, ImageSize = Pick(8, 12), Output = Any<TransformerOutput>(), ImageNetNormalization = Chance(0.5),
                }, true);
            case < 0.845:
                return (Chance(0.3) ? new EfficientNetSpec() : new MobileNetV3Spec(Pick(3, 4)) { Large = Chance(0.3) }, true);
            case < 0.855:
                return (new ResNetSpec { Normalization = Any<Normalization>() }, true);
            default:
                return (OwnBase(), false);
        }
    }

    private ConvNetSpec ConvNet() => Bases.ConvNet(Pick(1, 2, 3, 8), Pick<int[]>([8], [4, 8], [8, 8, 4])) with
    {
        Depth = Upto(2), Normalization = Any<Normalization>(), Activation = Any<Activation>(), Pooling = Any<Pooling>(), Residual = Chance(0.4),
    };

    private BaseSpec OwnBase()
    {
        var channels = Pick(2, 3);
        return Pick(
            Bases.From("strided", channels, () => nn.Sequential(
                nn.Conv2d(channels, 8, (3, 3), stride: (2, 1), padding: (1, 2), dilation: (1, 2)), nn.BatchNorm2d(8), nn.SiLU(), nn.Dropout(), nn.Conv2d(8, 8, 3, padding: 1, groups: 2), nn.ReLU())),
            Bases.From("grouped", channels, () => nn.Sequential(nn.Conv2d(channels, 4, 1), nn.GroupNorm(2, 4), nn.GELU(), nn.Identity(), nn.Tanh())),
            Bases.From("doubled", channels, () => new Doubled(channels, 4)));
    }

    // Beside a convolution only where it keeps the size of the map.
    private Adapters AdaptersOf(BaseSpec spec) => spec switch
    {
        ConvNetSpec => Pick(Adapters.Parallel, Adapters.Series),
        ImageBaseSpec => Adapters.Series,
        _ => Adapters.None,
    };

    private PerInput PerInputOf(BaseSpec spec) =>
        spec is ConvNetSpec { Normalization: Normalization.Batch } or ResNetSpec { Normalization: Normalization.Batch } or MobileNetV3Spec or EfficientNetSpec && Chance(0.5)
            ? Pick(PerInput.Statistics, PerInput.Normalization)
            : PerInput.Nothing;

    private SingleFusionSpec Single() => Pick(Fusions.Flatten(), Fusions.GlobalAverage(), Fusions.GlobalMax());

    private FusionSpec Joint() => Pick(
        Fusions.Concat(), Fusions.Concat(Single()), Fusions.Sum(Pick(Fusions.GlobalAverage(), Fusions.GlobalMax())), Fusions.Mean(), Fusions.Attention(Pick(1, 2, 4)),
        Fusions.FromSeveral("maxima", _ => new Maxima()));

    private HeadSpec Head()
    {
        var hidden = Chance(0.3) ? 6 : 0;
        return random.Next(5) switch
        {
            0 => Heads.MultiLabel(Upto(4), hidden, dropout: 0.1) with { LabelNames = null },
            1 => Heads.Regression(2, hidden) with { Mean = [1000, -3], StandardDeviation = [0.5, 20], Unit = "kg", OutputNames = ["net", "gross"] },
            2 => Heads.Regression(Upto(3), hidden) with { StandardizesTargets = Chance(0.5) },
            3 => Heads.From("shifted", features => new ShiftedHead(features)),
            _ => Heads.Classification(3, hidden: hidden) with { ClassNames = Chance(0.5) ? ["cat", "dog", "fox"] : null },
        };
    }

    private T Any<T>()
        where T : struct, Enum => Pick(Enum.GetValues<T>());

    private T Pick<T>(params T[] choices) => choices[random.Next(choices.Length)];

    private bool Chance(double probability) => random.NextDouble() < probability;

    private int Upto(int most) => random.Next(most) + 1;
}
