using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Description;

/// <summary>
/// What docs/ARCHITECTURE.md says a new kind in the library needs: a kind of input with its projection, a base, a fusion and a head, added
/// here by what the lists name. The line in the JSON list, an attribute, is added to the serialiser's options.
/// </summary>
public sealed class AddedKindTests
{
    [Fact]
    public void An_added_kind_of_input_is_checked_summarised_trained_and_evaluated_as_it_says()
    {
        using var model = Build();

        model.Summary().Should().MatchRegex(@"spectrum +counts +6 +4×1×1 +4×1×1 +28 +24\r?\n", "its projection has 6·4 weights")
            .And.MatchRegex(@"spectrum +spectrum +mixed mean +4 +median +\d+ +20\r?\n", "the fusion says its 4·4 operations, and the head has 4");
        Forward(ones(2, 6)).Should().Throw<MultiInputException>()
            .WithMessage("Input 'spectrum', input: the batch is of type Float32, but Int32 is needed. Convert it with .to(ScalarType.Int32).");
        Forward(full([2, 6], -1, ScalarType.Int32)).Should().Throw<MultiInputException>()
            .WithMessage("Input 'spectrum', input: a count is -1. Give counts from 0.");
        Forward(ones([2, 6], ScalarType.Int32)).Should().NotThrow();

        Fit(new() { MixupAlpha = 0.2 }).Should().Throw<MultiInputException>()
            .WithMessage("Input 'spectrum', training: counts cannot be mixed. Omit MixupAlpha.");
        var before = new Trainer(model).Evaluate([Source])["spectrum"].Loss;
        var history = new Trainer(model, new() { Epochs = 5, LearningRate = 0.01 }).Fit([Source]);
        history.Warnings.Should().ContainMatch("Input 'spectrum': the values of bin 5 are the same in all 40 samples checked, and carry no information.");
        new Trainer(model).Evaluate([Source])["spectrum"].Loss.Should().BeLessThan(before);
        model.Head<MedianHead>("spectrum").HasTargetStatistics.Should().BeTrue();

        Action Forward(Tensor batch) => () => model.forward(batch, "spectrum");
        Action Fit(TrainerOptions options) => () => new Trainer(model, options).Fit([Source]);
    }

    [Fact]
    public void An_added_kind_of_input_says_which_projections_it_has()
    {
        new CountInput(6).Invoking(input => Describe(input, Projections.Convolution())).Should().Throw<MultiInputException>()
            .WithMessage("Input 'spectrum', projection: A 1×1 convolution does not take counts input of shape (6)*");
        new CountInput(0).Invoking(input => Describe(input)).Should().Throw<MultiInputException>().WithMessage("Input 'spectrum', input: its shape is (0)*");
    }

    [Fact]
    public void Added_kinds_are_read_from_JSON_by_their_line_in_the_list()
    {
        using var model = Build();
        var options = new JsonSerializerOptions(ModelDescription.JsonOptions)
        {
            TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AddLines } },
        };

        var json = JsonSerializer.Serialize(model.Description, options);
        var read = JsonSerializer.Deserialize<ModelDescription>(json, options)!;

        json.Should().ContainAll(
            "\"type\": \"counts\"", "\"type\": \"counts_projection\"", "\"type\": \"waves\"", "\"type\": \"mixed_mean\"", "\"type\": \"median\"");
        JsonSerializer.Serialize(read, options).Should().Be(json);
        read.Inputs[0].Spec.Should().Be(new CountInput(6));
        model.Invoking(its => its.Description.ToJson()).Should().Throw<NotSupportedException>("without the lines nobody could read the file");
    }

    /// <summary>One line of each list that docs/ARCHITECTURE.md names.</summary>
    private static void AddLines(JsonTypeInfo info)
    {
        if (info.PolymorphismOptions?.DerivedTypes is not { } list)
            return;
        if (info.Type == typeof(InputSpec))
            list.Add(new(typeof(CountInput), "counts"));
        if (info.Type == typeof(ProjectionSpec))
            list.Add(new(typeof(CountProjectionSpec), "counts_projection"));
        if (info.Type == typeof(BaseSpec))
            list.Add(new(typeof(WaveSpec), "waves"));
        if (info.Type == typeof(FusionSpec))
            list.Add(new(typeof(MixedMeanSpec), "mixed_mean"));
        if (info.Type == typeof(HeadSpec))
            list.Add(new(typeof(MedianSpec), "median"));
    }

    private static MultiInputModel Describe(CountInput input, ProjectionSpec? projection = null) => MultiInputModel.Define()
        .Input("spectrum", input, projection).Base(new WaveSpec(4)).Task("spectrum", new MedianSpec(), fusion: new MixedMeanSpec()).Build(CPU, seed: 1);

    private static MultiInputModel Build() => Describe(new(6), new CountProjectionSpec { Scale = 0.5 });

    private static TensorSource Source
    {
        get
        {
            var counts = arange(240, ScalarType.Int32).view(40, 6) % 7;
            counts[.., 5] = 3;
            var labels = counts.select(1, 0).to(ScalarType.Float32) + 20;
            return new("counts", new Dictionary<string, Tensor> { ["spectrum"] = counts }, new Dictionary<string, Tensor> { ["spectrum"] = labels }) { BatchSize = 20 };
        }
    }

    /// <summary>Counts in bins: batches are <c>(batch, bins)</c> of 32-bit integers from 0.</summary>
    private sealed record CountInput(int Bins) : InputSpec
    {
        private protected override IReadOnlyList<long> SampleShape => [Bins];

        private protected override string KindName => "counts";

        internal override ProjectionSpec DefaultProjection => new CountProjectionSpec();

        internal override ScalarType? BatchType => ScalarType.Int32;

        internal override string? MixupMistake => "counts cannot be mixed.";

        internal override string ChannelWord => "bin";

        internal override (string Problem, string Cure)? FindMistake(Tensor batch) =>
            batch.min().ToInt32() is var least and < 0 ? ($"a count is {least}.", "Give counts from 0.") : null;
    }

    private sealed record CountProjectionSpec : ProjectionSpec
    {
        public double Scale { get; init; } = 1;

        internal override nn.Module<Tensor, Tensor> Create(InputSpec input, ProjectionTarget target) =>
            new CountProjection(input.Shape[0], target.Channels, Scale);

        internal override Int128 CountWeights(InputSpec input, ProjectionTarget target) => (Int128)input.Shape[0] * target.Channels;

        internal override (string Problem, string Cure)? FindMistake(InputSpec input) =>
            input.BatchType == ScalarType.Int32 ? null : WrongKind("A projection of counts", input, "Use Inputs.Counts.");
    }

    private sealed class CountProjection : nn.Module<Tensor, Tensor>
    {
        private readonly Linear linear;
        private readonly double scale;

        public CountProjection(long bins, long channels, double scale)
            : base(nameof(CountProjection))
        {
            linear = nn.Linear(bins, channels);
            this.scale = scale;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => linear.call((input.to(ScalarType.Float32) * scale).log1p()).unsqueeze(2).unsqueeze(3);
    }

    private sealed record WaveSpec(int Channels) : BaseSpec(Channels)
    {
        internal override SampleMixing Mixing => SampleMixing.Never;

        internal override SharedBase Create() => new WaveBase(Channels);
    }

    private sealed class WaveBase(int channels) : SharedBase(nameof(WaveBase), channels)
    {
        public override Tensor forward(Tensor input) => input.sin();
    }

    private sealed record MixedMeanSpec : FusionSpec
    {
        internal override string Title => "mixed mean";

        internal override bool TakesSeveral => false;

        internal override nn.Module Create(IReadOnlyList<FeatureShape> shapes) => new MixedMean(shapes[0].Channels);
    }

    /// <summary>The means of the channels, mixed by a matrix.</summary>
    private sealed class MixedMean : nn.Module<IReadOnlyList<FeatureSet>, Tensor>, IOperations<IReadOnlyList<FeatureSet>>
    {
        private readonly Parameter mix;

        public MixedMean(long channels)
            : base(nameof(MixedMean))
        {
            mix = new Parameter(eye(channels));
            RegisterComponents();
        }

        public override Tensor forward(IReadOnlyList<FeatureSet> input) => input[0].Tokens().mean([1]).matmul(mix);

        public long CountMacs(IReadOnlyList<FeatureSet> input, Tensor output) => output.numel() * mix.shape[0];

        public long Foresee(IReadOnlyList<FeatureSet> input) => 0;
    }

    private sealed record MedianSpec : HeadSpec
    {
        internal override string Title => "median";

        internal override nn.Module<Tensor, Tensor> Create(int features) => new MedianHead(features);

        internal override (string Problem, string Cure)? FindMistake() => null;
    }

    /// <summary>A number by its absolute error, beside the mean of all labels. Labels are <c>(batch)</c>.</summary>
    private sealed class MedianHead : TaskHead
    {
        private readonly Linear linear;
        private readonly Tensor mean = zeros(1);

        public MedianHead(long features)
            : base(nameof(MedianHead), 1)
        {
            linear = nn.Linear(features, 1);
            RegisterComponents();
        }

        public override bool HasTargetStatistics => mean.ToSingle() != 0;

        public override void StandardizeTargets(Tensor target) => mean.copy_(target.mean());

        public override Tensor forward(Tensor input) => linear.call(input) + mean;

        public override Tensor Loss(Tensor output, Tensor target) => (output.squeeze(1) - target).abs().mean();

        public override Tensor Predict(Tensor output) => output;

        public override TaskMetrics CreateMetrics() => new RegressionMetrics(1);

        public override void CheckTarget(Tensor target)
        {
        }
    }
}
