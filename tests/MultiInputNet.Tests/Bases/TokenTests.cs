using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Bases that give tokens instead of a map, in all that a model does.</summary>
public sealed class TokenTests
{
    private static VisionTransformerSpec Vit => new() { Width = 12, Depth = 2, Heads = 2, PatchSize = 4, ImageSize = 16, Output = TransformerOutput.Tokens };

    private static readonly Dictionary<string, BaseSpec> specs = new()
    {
        ["own"] = Bases.From("own", 3, () => new PatchTokens()),
        ["vit"] = Vit,
    };

    public static TheoryData<string> Every => [.. specs.Keys];

    private static MultiInputModelBuilder Describe(string name) => MultiInputModel.Define()
        .Input("small", Inputs.Image(3, 8, 8), Projections.Convolution())
        .Input("large", Inputs.Image(1, 16, 12))
        .Base(specs[name])
        .Fusion(Fusions.GlobalAverage())
        .Task("small", Heads.Classification(3))
        .Task("flat", Heads.Regression(1), from: ["large"], fusion: Fusions.Flatten())
        .Task("most", Heads.Regression(1), from: ["large"], fusion: Fusions.GlobalMax())
        .Task("attention", Heads.Regression(2), from: ["small", "large"], fusion: Fusions.Attention(heads: 3))
        .Task("sum", Heads.Regression(1), from: ["small", "large"], fusion: Fusions.Sum())
        .Task("both", Heads.Regression(1), from: ["small", "large"]);

    private static Dictionary<string, Tensor> Batch(int count) => new() { ["small"] = rand(count, 3, 8, 8), ["large"] = rand(count, 1, 16, 12) };

    [Theory]
    [MemberData(nameof(Every))]
    public void Every_fusion_takes_tokens(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Describe(name).Build(CPU, seed: 1);
        model.eval();
        var x = Batch(3);

        var tokens = model.forward_features(x);
        var outputs = model.forward(x);

        var (small, large) = (tokens["small"], tokens["large"]);
        small.shape.Should().Equal(3, 5, 12);
        large.shape.Should().Equal(3, 13, 12);
        outputs.Keys.Should().BeEquivalentTo("small", "flat", "most", "attention", "sum", "both");
        Head("small", small.mean([1]));
        Head("flat", large.flatten(1));
        Head("most", large.amax([1]));
        Head("sum", small.mean([1]) + large.mean([1]));
        Head("both", cat([small.mean([1]), large.mean([1])], 1));
        var attention = model.modules().OfType<AttentionFusion>().Single();
        Head("attention", attention.forward(cat([small, large], 1)));

        void Head(string task, Tensor features) => outputs[task].ShouldEqual(model.Head(task).call(features), 1e-6, task);
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void The_summary_shows_tokens_and_counts_their_attention(string name)
    {
        using var model = Describe(name).Build(CPU);

        var summary = model.Summary();

        summary.Should().Contain("tokens 5×12").And.Contain("tokens 13×12");
        var route = model.Routes.Single(route => route.Task == "attention");
        route.Macs.Should().Be((3 * 18 * 12 * 12) + (2 * 18 * 18 * 12) + (12 * 12) + (12 * 2), "18 positions, the output projection and the head");
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void A_batch_gives_what_its_samples_give_alone(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Describe(name).Build(CPU, seed: 1);
        model.eval();
        var x = Batch(4);

        var together = model.forward(x);

        var alone = Enumerable.Range(0, 4).Select(sample => model.forward(x.ToDictionary(pair => pair.Key, pair => pair.Value.narrow(0, sample, 1)))).ToArray();
        foreach (var (task, output) in together)
            cat([.. alone.Select(outputs => outputs[task])], 0).ShouldEqual(output, 1e-4, task);
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Two_inputs_of_one_size_share_a_batch(string name)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 8, 8), Projections.Convolution())
            .Input("b", Inputs.Image(2, 8, 8))
            .Base(specs[name])
            .Task("a", Heads.Regression(1))
            .Task("b", Heads.Regression(1))
            .Build(CPU, seed: 1);
        model.eval();
        var (a, b) = (rand(3, 3, 8, 8), rand(2, 2, 8, 8));

        var outputs = model.forward(new Dictionary<string, Tensor> { ["a"] = a, ["b"] = b });

        outputs["a"].ShouldEqual(model.forward(a, "a"), 1e-6);
        outputs["b"].ShouldEqual(model.forward(b, "b"), 1e-6);
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void A_grown_and_a_loaded_model_give_the_same_to_the_bit(string name)
    {
        using var scope = NewDisposeScope();
        using var model = Describe(name).Build(CPU, seed: 1);
        model.eval();
        var x = Batch(3);
        var expected = model.forward(x);
        var path = Path.GetTempFileName();
        try
        {
            model.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU, new Dictionary<string, Delegate> { ["own"] = () => (nn.Module<Tensor, Tensor>)new PatchTokens() });
            using var grown = model.Grow(add => add.Task("new", Heads.Regression(1), from: ["large"]), seed: 2);
            var (again, more) = (loaded.forward(x), grown.forward(x));
            foreach (var (task, output) in expected)
            {
                again[task].ShouldBeSame(output, task);
                more[task].ShouldBeSame(output, task);
            }

            more["new"].shape.Should().Equal(3, 1);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Features_of_a_frozen_base_are_reused(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var x = Batch(24);
        var source = new TensorSource("s", x, new Dictionary<string, Tensor> { ["flat"] = rand(24, 1), ["attention"] = rand(24, 2) }) { BatchSize = 8 };
        Dictionary<string, Tensor> Train(long cacheBytes)
        {
            using var model = Describe(name).Build(CPU, seed: 1);
            var before = TrainingProblem.Weights(model);
            model.Freeze(Parts.Base, Parts.Projections());
            new Trainer(model, TrainingProblem.Options with { FeatureCacheBytes = cacheBytes }).Fit([source]);
            TrainingProblem.Changed(model, before).Should().Contain("fusions.attention.in_proj_weight").And.NotContain(changed => changed.StartsWith("base_model", StringComparison.Ordinal));
            return TrainingProblem.Weights(model);
        }

        var expected = Train(0);
        foreach (var (key, value) in Train(1 << 20))
            value.ShouldEqual(expected[key], 1e-4, key);
    }

    [Fact]
    public void What_does_not_fit_tokens_is_named()
    {
        var plain = Describe("vit").Task("plain", Heads.Regression(1), from: ["small"], fusion: Fusions.From("mine", _ => nn.Flatten()));
        var several = Describe("vit").Task("several", Heads.Regression(1), from: ["small", "large"], fusion: Fusions.FromSeveral("mine", _ => throw new InvalidOperationException()));
        var one = Describe("vit").Task("one", Heads.Regression(1), from: ["small", "large"], fusion: Fusions.From("mine", _ => nn.Flatten()));
        var widths = Describe("vit").Input("other", Inputs.Image(3, 8, 8)).Base(Bases.ConvNet(3, 8), inputs: ["other"])
            .Task("widths", Heads.Regression(1), from: ["small", "other"], fusion: Fusions.Attention(2));
        var lengths = Describe("vit").Task("lengths", Heads.Regression(1), from: ["small", "large"], fusion: Fusions.Sum(Fusions.Flatten()));
        var heads = Describe("vit").Task("heads", Heads.Regression(1), from: ["small"], fusion: Fusions.Attention(5));

        Refused(plain).Should().Be("Task 'plain', fusion: mine takes maps, but the base gives tokens 5×12. Describe it with Fusions.FromFeatures, or use a base that gives maps.");
        Refused(several).Should().StartWith("Task 'several', fusion: mine takes maps, but the base gives tokens 5×12.");
        Refused(one).Should().Be("Task 'one', fusion: mine takes one input, but the task has 2. Describe it with Fusions.FromSeveral or Fusions.FromFeatures.");
        Refused(widths).Should().Be("Task 'widths', fusion: attention needs features with the same number of channels, but the features tokens 5×12, 8×4×4 have 12, 8. Use one base for these inputs, or Fusions.Concat().");
        Refused(lengths).Should().StartWith("Task 'lengths', fusion: Sum needs vectors of the same length, but the features tokens 5×12, tokens 13×12 give 60, 156 features.");
        Refused(heads).Should().Be("Task 'heads', fusion: 5 heads do not divide the 12 channels of the base's tokens. Use one of 1, 2, 3, 4, 6, 12 heads.");

        static string Refused(MultiInputModelBuilder builder) => builder.Invoking(b => b.Build(CPU)).Should().Throw<MultiInputException>().Which.Message;
    }

    [Fact]
    public void A_fusion_of_ones_own_takes_feature_sets()
    {
        using var scope = NewDisposeScope();
        Func<IReadOnlyList<FeatureShape>, nn.Module<IReadOnlyList<FeatureSet>, Tensor>> factory = shapes => new Ends(shapes);
        var description = Describe("vit").Task("ends", Heads.Regression(1), from: ["small", "large"], fusion: Fusions.FromFeatures("ends", factory)).Describe();
        using var model = description.Build(CPU, seed: 1);
        model.eval();
        var x = Batch(2);

        var features = model.forward_features(x);

        model.forward(x, ["ends"])["ends"].ShouldEqual(model.Head("ends").call(cat([features["small"][.., 0], features["large"][.., 0]], 1) * 2), 1e-6);
        model.state_dict().Keys.Should().Contain("fusions.ends.scale", "the module stands under its own names");
        var read = ModelDescription.FromJson(description.ToJson(), new Dictionary<string, Delegate> { ["ends"] = factory });
        using var again = read.Build(CPU, seed: 1);
        again.eval();
        again.forward(x, ["ends"])["ends"].ShouldBeSame(model.forward(x, ["ends"])["ends"]);
        FluentActions.Invoking(() => ModelDescription.FromJson(description.ToJson(), new Dictionary<string, Delegate> { ["ends"] = () => nn.Flatten() }))
            .Should().Throw<MultiInputException>().WithMessage("*unlike the one with which it was described*");
    }

    [Fact]
    public void A_vision_transformer_gives_all_its_tokens_the_class_token_first()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var tokens = Vit.Create();
        using var patches = (Vit with { Output = TransformerOutput.Patches }).Create();
        using var classToken = (Vit with { Output = TransformerOutput.ClassToken }).Create();
        patches.load_state_dict(tokens.state_dict());
        classToken.load_state_dict(tokens.state_dict());
        var x = rand(2, 3, 16, 8);

        var all = tokens.call(x);

        all.shape.Should().Equal(2, 9, 12);
        all[.., 0].ShouldBeSame(classToken.call(x).flatten(1));
        all[.., 1..].transpose(1, 2).reshape(2, 12, 4, 2).ShouldBeSame(patches.call(x));
        foreach (var vit in new[] { tokens, patches, classToken })
        {
            var stages = vit.forward_stages(x);
            stages.Keys.Should().Equal("conv_proj", "encoder_layer_0", "encoder_layer_1", "ln");
            stages.Values.SkipLast(1).Should().AllSatisfy(stage => stage.shape.Should().Equal(2, 9, 12));
            stages["ln"].ShouldBeSame(vit.call(x));
        }
    }

    /// <summary>A base of the user's own: patches of 4×4 as tokens after one that is learned.</summary>
    private sealed class PatchTokens : SharedBase
    {
        private readonly nn.Module<Tensor, Tensor> patches = nn.Conv2d(3, 12, kernel_size: 4L, stride: 4L);
        private readonly TorchSharp.Modules.Parameter first = new(randn(1, 1, 12));

        public PatchTokens()
            : base(nameof(PatchTokens), 3) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return cat([first.expand(input.shape[0], -1, -1), patches.call(input).flatten(2).transpose(1, 2)], 1).MoveToOuterDisposeScope();
        }
    }

    /// <summary>Twice the first token of each input.</summary>
    private sealed class Ends : nn.Module<IReadOnlyList<FeatureSet>, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter scale;

        public Ends(IReadOnlyList<FeatureShape> shapes)
            : base(nameof(Ends))
        {
            scale = new(full(shapes.Sum(shape => shape.Channels), 2f));
            RegisterComponents();
        }

        public override Tensor forward(IReadOnlyList<FeatureSet> input) => cat([.. input.Select(features => features.Tokens()[.., 0])], 1) * scale;
    }
}
