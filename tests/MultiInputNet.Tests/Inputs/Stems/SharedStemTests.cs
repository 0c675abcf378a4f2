using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class SharedStemTests
{
    [Theory]
    [InlineData("resnet18")]
    [InlineData("convnext_tiny")]
    public void Red_green_and_blue_in_any_order_give_what_the_base_gives(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Define(PublishedBaseTests.Specs[name])
            .Input("rgb", Inputs.Image(3, 64, 64)).Task("rgb", Heads.Regression(1))
            .Input("bgr", Inputs.Image(3, 64, 64), Projections.BandStem("blue", "green", "red")).Task("bgr", Heads.Regression(1))
            .Input("own", Inputs.Image(3, 64, 64), Projections.BandStem(["blue", "green", "red"], shared: false)).Task("own", Heads.Regression(1))
            .Build(CPU);
        model.eval();
        var image = rand(2, 3, 64, 64);

        var maps = model.forward_features(new Dictionary<string, Tensor> { ["rgb"] = image, ["bgr"] = image.flip(1), ["own"] = image.flip(1) });

        maps["bgr"].ShouldEqual(maps["rgb"], 1e-5, "ImageNet's statistics go with the names too");
        maps["own"].ShouldEqual(maps["rgb"], 1e-5);
    }

    [Fact]
    public void A_band_that_the_base_does_not_know_is_warned_of()
    {
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 32, 32), Projections.BandStem("red", "grene", "Blue")).Task("a", Heads.Regression(1))
            .Input("b", Inputs.Image(2, 32, 32), Projections.BandStem(["red", "grene"], shared: false)).Task("b", Heads.Regression(1))
            .Input("c", Inputs.Image(3, 32, 32), Projections.BandStem("blue", "green", "red")).Task("c", Heads.Regression(1))
            .Base(Bases.ResNet18())
            .Build(CPU);
        using var gray = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 32, 32), Projections.BandStem("red")).Task("a", Heads.Regression(1))
            .Base(Bases.ConvNet(4, 8))
            .Build(CPU);

        model.Warnings.Should().HaveCount(2);
        model.Warnings[0].Should().StartWith("Input 'a': the base has no weights for the bands 'grene', 'Blue', so each gets the mean").And.Contain("'red', 'green', 'blue'");
        model.Warnings[1].Should().StartWith("Input 'b': the base has no weights for band 'grene',");
        gray.Warnings.Should().ContainSingle().Which.Should().Contain("'red'");
        model.Summary().Should().Contain("warning: Input 'a'");
    }

    [Fact]
    public void Inputs_share_the_weights_of_the_bands_that_both_name()
    {
        using var scope = NewDisposeScope();
        using var model = Two(["red", "green", "nir"], ["nir", "swir"]);
        var state = model.state_dict();

        state.Keys.Where(key => key.StartsWith("stem_bank", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "stem_bank.red.weight", "stem_bank.green.weight", "stem_bank.nir.weight", "stem_bank.swir.weight");
        state["stem_bank.green.weight"].ShouldBeSame(state["base_model.conv1.weight"].narrow(1, 1, 1));
        state["stem_bank.swir.weight"].ShouldEqual(state["base_model.conv1.weight"].mean([1], keepdim: true), 1e-6);
        model.forward(rand(2, 2, 32, 32), "b").sum().backward();
        var gradients = model.named_parameters().Where(pair => pair.name.StartsWith("stem_bank", StringComparison.Ordinal) && pair.parameter.grad is not null);
        gradients.Select(pair => pair.name).Should().BeEquivalentTo("stem_bank.nir.weight", "stem_bank.swir.weight");
        model.Summary().Should().Contain($"{3 * 64 * 49:N0}").And.Contain($"{2 * 64 * 49:N0}");
    }

    [Fact]
    public void What_a_stem_gives_is_the_convolution_with_its_bands_scaled_by_old_over_new_channels()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Two(["red", "green", "nir"], ["nir", "green"]);
        model.eval();
        var state = model.state_dict();
        var x = rand(2, 2, 32, 32);

        var weight = cat([state["stem_bank.nir.weight"], state["stem_bank.green.weight"]], 1) * 1.5;
        var sharedBase = model.children().OfType<SharedBase>().Single();
        using var run = new BaseRun { EntersAfter = sharedBase.FirstConvolution };
        var expected = sharedBase.call(nn.functional.conv2d(x.to(float64), weight.to(float64), strides: [2, 2], padding: [3, 3]).to(float32));

        model.forward_features(new Dictionary<string, Tensor> { ["b"] = x })["b"].ShouldEqual(expected, 1e-5);
    }

    [Fact]
    public void Bands_that_were_never_trained_together_work_in_a_grown_model_and_the_old_inputs_stay_to_the_bit()
    {
        using var scope = NewDisposeScope();
        using var model = Two(["red", "green", "nir"], ["nir", "swir"]);
        new Trainer(model, new() { Epochs = 1 }).Fit([Source("a", 3), Source("b", 2)]);
        model.eval();
        var (a, b) = (rand(2, 3, 32, 32), rand(2, 2, 32, 32));

        using var grown = model.Grow(builder => builder.Input("c", Inputs.Image(3, 32, 32), Projections.BandStem("swir", "red", "new")).Task("c", Heads.Classification(2)));

        grown.forward(a, "a").ShouldBeSame(model.forward(a, "a"));
        grown.forward(b, "b").ShouldBeSame(model.forward(b, "b"));
        var state = grown.state_dict();
        state["stem_bank.swir.weight"].ShouldBeSame(model.state_dict()["stem_bank.swir.weight"]);
        state["stem_bank.new.weight"].ShouldEqual(state["base_model.conv1.weight"].mean([1], keepdim: true), 1e-6, "a new band begins with what the base has learned");

        grown.Freeze(Parts.Base, Parts.Projections("a", "b"), Parts.Heads("a", "b"));
        new Trainer(grown, new() { Epochs = 1 }).Fit([Source("c", 3)]);
        grown.eval();
        foreach (var (name, value) in model.state_dict())
            grown.state_dict()[name].ShouldBeSame(value, name);
        model.Freeze(Parts.All); // libtorch rounds otherwise where weights need a gradient
        grown.forward(a, "a").ShouldBeSame(model.forward(a, "a"));
        grown.forward(b, "b").ShouldBeSame(model.forward(b, "b"));
        (grown.state_dict()["stem_bank.new.weight"] == model.state_dict()["base_model.conv1.weight"].mean([1], keepdim: true)).all().ToBoolean().Should().BeFalse();
    }

    [Fact]
    public void The_stem_of_a_new_input_begins_with_what_the_base_has_learned()
    {
        using var scope = NewDisposeScope();
        using var model = Two(["red"], ["red"]);
        using var grown = model.Grow(builder => builder.Input("c", Inputs.Image(5, 32, 32), Projections.AdaptedStem(StemMethod.Mean)).Task("c", Heads.Classification(2)));

        grown.state_dict()["input_projections.c.conv.weight"].ShouldEqual(
            StemAdapter.Adapt(model.state_dict()["base_model.conv1.weight"], 5, StemMethod.Mean), 1e-6);
    }

    [Fact]
    public void Inputs_of_equally_many_channels_share_the_weights_of_a_method()
    {
        using var scope = NewDisposeScope();
        var shared = Projections.AdaptedStem(StemMethod.Mean, shared: true);
        using var model = Define(Bases.ResNet18())
            .Input("a", Inputs.Image(4, 32, 32), shared).Task("a", Heads.Regression(1))
            .Input("b", Inputs.Image(4, 64, 64), shared).Task("b", Heads.Regression(1))
            .Input("c", Inputs.Image(5, 32, 32), shared).Task("c", Heads.Regression(1))
            .Build(CPU);

        model.state_dict().Keys.Where(key => key.StartsWith("stem_bank", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "stem_bank.Mean(4).weight", "stem_bank.Mean(5).weight");
        var expected = StemAdapter.Adapt(model.state_dict()["base_model.conv1.weight"], 4, StemMethod.Mean);
        model.state_dict()["stem_bank.Mean(4).weight"].ShouldBeSame(expected);
    }

    [Fact]
    public void A_model_with_shared_stems_is_saved_loaded_and_counted_and_keeps_what_is_frozen()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = Two(["red", "nir"], ["nir", "swir"]);
        model.Freeze(Parts.Projections("a"));
        var before = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        new Trainer(model, new() { Epochs = 1 }).Fit([Source("a", 2), Source("b", 2)]);
        model.IsFrozen(Parts.Projections("a")).Should().BeTrue();
        model.state_dict()["stem_bank.nir.weight"].ShouldBeSame(before["stem_bank.nir.weight"], "it is the frozen input's too");
        (model.state_dict()["stem_bank.swir.weight"] == before["stem_bank.swir.weight"]).all().ToBoolean().Should().BeFalse();
        model.eval();
        model.Save(folder["model.safetensors"]);

        using var loaded = MultiInputModel.Load(folder["model.safetensors"], CPU);

        loaded.Description.Should().Be(model.Description);
        var x = rand(2, 2, 32, 32);
        loaded.forward(x, "b").ShouldBeSame(model.forward(x, "b"));
        var weights = model.parameters().Where(parameter => parameter.dim() > 1).Sum(parameter => parameter.numel());
        using var same = new MultiInputModel(model.Description, CPU, weights);
        ((Func<MultiInputModel>)(() => new(model.Description, CPU, weights - 1))).Should().Throw<MultiInputException>();
    }

    [Fact]
    public void Layer_decay_slows_what_two_inputs_share_once()
    {
        using var scope = NewDisposeScope();
        using var model = Two(["red", "nir"], ["nir", "swir"]);
        var phase = new TrainingPhase(1, Parts.All.At(1)) { LayerDecay = 0.5 };

        var rates = PhaseParameters.Find(model, phase).Trained.ToDictionary(pair => pair.Name, pair => pair.Rate);

        rates["stem_bank.nir.weight"].Should().Be(rates["stem_bank.red.weight"]);
    }

    [Theory]
    [InlineData("2 channels have 3 band names", "a", "b", "c")]
    [InlineData("two of its bands are called 'a'", "a", "a")]
    [InlineData("its band 'x.y' cannot be part", "a", "x.y")]
    public void Mistakes_are_named(string message, params string[] bands)
    {
        var build = () => Define(Bases.ResNet18()).Input("a", Inputs.Image(2, 32, 32), Projections.BandStem(bands)).Task("a", Heads.Regression(1)).Build(CPU);
        build.Should().Throw<MultiInputException>().WithMessage($"Input 'a', projection: *{message}*");
    }

    private static MultiInputModel Two(string[] first, string[] second)
    {
        random.manual_seed(1);
        return Define(Bases.ResNet18())
            .Input("a", Inputs.Image(first.Length, 32, 32), Projections.BandStem(first)).Task("a", Heads.Classification(2))
            .Input("b", Inputs.Image(second.Length, 32, 32), Projections.BandStem(second)).Task("b", Heads.Classification(2))
            .Build(CPU);
    }

    private static MultiInputModelBuilder Define(BaseSpec sharedBase) => MultiInputModel.Define().Base(sharedBase).Fusion(Fusions.GlobalAverage());

    private static TensorSource Source(string name, int channels) => new(name, rand(8, channels, 32, 32), arange(8) % 2) { BatchSize = 4 };
}
