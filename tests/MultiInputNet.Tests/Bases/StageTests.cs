using MultiInputNet.Training;
using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Stages are the whole of a base: what is frozen, slowed or decayed by stage leaves nothing out.</summary>
public sealed class StageTests
{
    private static readonly Dictionary<string, BaseSpec> specs = new()
    {
        { "convnet", Bases.ConvNet(3, 6, 8) with { Normalization = Normalization.Batch } },
        { "resnet18", Bases.ResNet18() },
        { "resnet50", Bases.ResNet50() },
        { "mobilenet", Bases.MobileNetV3Small() },
        { "efficientnet", Bases.EfficientNetB0() },
        { "convnext", new ConvNeXtSpec { Widths = [8, 16], Depths = [1, 2] } },
        { "vit", Vit },
        { "class token", Vit with { Output = TransformerOutput.ClassToken } },
        { "wrapped", Bases.From("wrapped", 3, () => nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))) },
        { "own", Bases.From("own", 3, () => new OwnBase()) },
    };

    private static readonly string[] withoutDecay = ["bias", "class_token", "pos_embedding", "layer_scale", "norm.weight"];

    public static TheoryData<string> Every => [.. specs.Keys];

    private static VisionTransformerSpec Vit => new() { Width = 16, Depth = 2, Heads = 2, PatchSize = 8, ImageSize = 32 };

    private static MultiInputModel Build(BaseSpec spec)
    {
        random.manual_seed(2);
        return MultiInputModel.Define().Input("a", Inputs.Image(3, 32, 32), Projections.Convolution()).Base(spec).Fusion(Fusions.GlobalAverage())
            .Task("a", Heads.Classification(2)).Build(CPU);
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Every_parameter_of_a_base_is_in_exactly_one_stage(string name)
    {
        using var model = Build(specs[name]);
        var sharedBase = model.Paths.Single().Base;

        var staged = sharedBase.WholeStages().SelectMany(stage => stage.Modules).SelectMany(module => module.parameters(recurse: false)).ToArray();

        staged.Should().OnlyHaveUniqueItems(name);
        staged.ToHashSet(ReferenceEqualityComparer.Instance).SetEquals(sharedBase.parameters()).Should().BeTrue(name);
        sharedBase.WholeStages().Select(stage => stage.Name).Should().Equal(sharedBase.Stages.Select(stage => stage.Name));
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Freezing_all_stages_freezes_the_base(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Build(specs[name]);
        var weights = TrainingProblem.Weights(model);

        model.Freeze(Parts.BaseStages([.. model.Paths.Single().Base.Stages.Select(stage => stage.Name)]));

        model.IsFrozen(Parts.Base).Should().BeTrue(name);
        new Trainer(model, new() { Epochs = 1, BatchSize = 4, LearningRate = 0.1, WeightDecay = 1 })
            .Fit([new TensorSource("a", rand(4, 3, 32, 32), arange(4, ScalarType.Int64) % 2)]);
        TrainingProblem.Changed(model, weights).Should().OnlyContain(changed => !changed.StartsWith("base_model", StringComparison.Ordinal)).And.NotBeEmpty(name);
    }

    [Fact]
    public void Layer_decay_slows_tokens_and_positions_with_the_first_stage()
    {
        using var model = Build(Vit);

        var rates = PhaseParameters.Find(model, new(1) { LayerDecay = 0.5 }).Trained.ToDictionary(trained => trained.Name, trained => trained.Rate);

        // Stages: conv_proj, two layers, ln.
        rates["base_model.conv_proj.weight"].Should().Be(1 / 16.0);
        rates["base_model.class_token"].Should().Be(1 / 16.0);
        rates["base_model.encoder.pos_embedding"].Should().Be(1 / 16.0);
        rates["base_model.encoder.layers.encoder_layer_0.ln_1.weight"].Should().Be(1 / 8.0);
        rates["base_model.encoder.ln.weight"].Should().Be(1 / 2.0);
        rates["input_projections.a.conv.weight"].Should().Be(1 / 32.0);

        using var own = Build(Bases.From("own", 3, () => new OwnBase()));
        rates = PhaseParameters.Find(own, new(1) { LayerDecay = 0.5 }).Trained.ToDictionary(trained => trained.Name, trained => trained.Rate);
        rates["base_model.scale"].Should().Be(1 / 4.0);
        rates["base_model.second.weight"].Should().Be(1 / 2.0);
    }

    [Theory]
    [InlineData("vit")]
    [InlineData("convnext")]
    [InlineData("own")]
    public void Weight_decay_leaves_out_what_timm_leaves_out(string name)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> Train(double decay)
        {
            using var model = Build(specs[name]);
            random.manual_seed(5);
            new Trainer(model, new() { Epochs = 1, BatchSize = 4, LearningRate = 0.1, WeightDecay = decay })
                .Fit([new TensorSource("a", rand(4, 3, 32, 32), arange(4, ScalarType.Int64) % 2)]);
            return TrainingProblem.Weights(model);
        }

        var (plain, decayed) = (Train(0), Train(1));

        var left = plain.Where(pair => pair.Value.eq(decayed[pair.Key]).all().ToBoolean()).Select(pair => pair.Key).ToArray();
        bool MayDecay(string key) => plain[key].dim() > 1
            && !withoutDecay.Any(part => key.EndsWith(part, StringComparison.Ordinal));
        left.Should().BeEquivalentTo(plain.Keys.Where(key => !MayDecay(key)));
        decayed.Keys.Except(left).Should().NotBeEmpty();
    }

    /// <summary>A user's base: a parameter of its own that no stage names, a normalisation of three dimensions, and a bias of two.</summary>
    private sealed class OwnBase : SharedBase
    {
        private readonly nn.Module<Tensor, Tensor> first = nn.Conv2d(3, 4, 3, padding: 1);
        private readonly nn.Module<Tensor, Tensor> norm = nn.LayerNorm([4, 32, 32]);
        private readonly nn.Module<Tensor, Tensor> second = nn.Conv2d(4, 4, 3);
        private readonly Parameter scale = new(ones(1));
        private readonly Parameter row_bias = new(zeros(32, 1));

        public OwnBase()
            : base(nameof(OwnBase), 3) => RegisterComponents();

        public override IReadOnlyList<BaseStage> Stages => [new("first", [first, norm], First), new("second", [second], second.call)];

        public override Tensor forward(Tensor input) => second.call(First(input));

        private Tensor First(Tensor x) => norm.call(first.call(x) * scale + row_bias);
    }
}
