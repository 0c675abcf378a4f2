using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class StemTests
{
    private static readonly string[] rgb = ["red", "green", "blue"];

    public static TheoryData<string> Names => ["resnet50", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_s_16", "convnet"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Repeated_channels_are_tiled_and_scaled(int channels)
    {
        using var scope = NewDisposeScope();
        var weight = randn(4, 3, 2, 2);
        var adapted = StemAdapter.Adapt(weight, channels, StemMethod.Repeat);

        adapted.shape.Should().Equal(4, channels, 2, 2);
        for (var c = 0; c < channels; c++)
            adapted.select(1, c).ShouldEqual(weight.select(1, c % 3) * 3 / channels, 1e-6);
    }

    [Theory]
    [InlineData(StemMethod.Mean, 1)]
    [InlineData(StemMethod.Mean, 5)]
    [InlineData(StemMethod.Repeat, 6)]
    [InlineData(StemMethod.Repeat, 9)]
    public void A_gray_image_gives_what_it_gave_before(StemMethod method, int channels)
    {
        using var scope = NewDisposeScope();
        var weight = randn(4, 3, 3, 3);
        var gray = randn(2, 1, 6, 6);

        var adapted = StemAdapter.Adapt(weight, channels, method);

        nn.functional.conv2d(gray.expand(-1, channels, -1, -1), adapted).ShouldEqual(nn.functional.conv2d(gray.expand(-1, 3, -1, -1), weight), 1e-5);
    }

    [Fact]
    public void Padded_channels_begin_with_the_old_and_end_with_zeros_or_random_values_alike()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var weight = randn(64, 3, 7, 7) * 0.1 + 0.05;

        var zeros = StemAdapter.Adapt(weight, 10, StemMethod.PadZeros);
        var random_ = StemAdapter.Adapt(weight, 10, StemMethod.PadRandom);

        zeros.narrow(1, 0, 3).ShouldBeSame(weight);
        random_.narrow(1, 0, 3).ShouldBeSame(weight);
        zeros.narrow(1, 3, 7).count_nonzero().ToInt64().Should().Be(0);
        random_.narrow(1, 3, 7).std().ToDouble().Should().BeApproximately(0.1, 0.005);
        random_.narrow(1, 3, 7).mean().ToDouble().Should().BeApproximately(0.05, 0.005);
        StemAdapter.Adapt(weight, 2, StemMethod.PadRandom).ShouldBeSame(weight.narrow(1, 0, 2));
    }

    [Fact]
    public void Bands_keep_the_weights_of_their_names_in_any_order_and_others_get_the_mean()
    {
        using var scope = NewDisposeScope();
        var weight = randn(4, 3, 3, 3);

        var adapted = StemAdapter.Adapt(weight, rgb, ["nir", "blue", "red"]);

        adapted.select(1, 0).ShouldEqual(weight.mean([1]), 1e-6);
        adapted.select(1, 1).ShouldBeSame(weight.select(1, 2));
        adapted.select(1, 2).ShouldBeSame(weight.select(1, 0));
        using var one = StemAdapter.Adapt(weight, rgb, ["red"]).zero_();
        weight.select(1, 0).count_nonzero().ToInt64().Should().Be(36, "what is given is new");
    }

    [Fact]
    public void Mistakes_are_named()
    {
        using var scope = NewDisposeScope();
        var weight = randn(4, 3, 3, 3);

        ((Action)(() => StemAdapter.Adapt(weight, 0, StemMethod.Mean))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => StemAdapter.Adapt(weight[0], 2, StemMethod.Mean))).Should().Throw<ArgumentException>().WithMessage("*shape (3, 3, 3)*");
        ((Action)(() => StemAdapter.Adapt(weight, ["a", "b"], rgb))).Should().Throw<ArgumentException>().WithMessage("2 bands are named, but the weights (4, 3, 3, 3) have 3.*");
        ((Action)(() => StemAdapter.Adapt(weight, rgb, ["a", "a"]))).Should().Throw<ArgumentException>().WithMessage("Band 'a' is named twice.*");
        ((Action)(() => Model(Bases.ConvNet(3) with { Residual = true }).Build(CPU))).Should().Throw<MultiInputException>().WithMessage("Input 'a', projection:*no first convolution that can be adapted*");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_gray_image_of_thirteen_channels_gives_the_map_of_the_gray_image_of_three(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Model(name == "convnet" ? Bases.ConvNet(3) : PublishedBaseTests.Specs[name], StemMethod.Mean, channels: 13)
            .Input("b", Inputs.Image(3, 64, 64) with { Mean = [0, 0, 0], StandardDeviation = [1, 1, 1] }, Projections.Identity()).Task("b", Heads.Regression(1)).Build(CPU);
        model.eval();
        var gray = randn(2, 1, 64, 64);
        foreach (var (key, value) in model.state_dict())
        {
            if (key.StartsWith("base_model.", StringComparison.Ordinal) && !key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
                value.copy_(FormulaWeights.Value(key["base_model.".Length..], value.shape));
        }

        model.AdaptStems();
        var maps = model.forward_features(new Dictionary<string, Tensor> { ["a"] = gray.expand(-1, 13, -1, -1), ["b"] = gray.expand(-1, 3, -1, -1) });

        maps["a"].ShouldEqual(maps["b"], 1e-4);
    }

    [Fact]
    public void A_model_with_a_stem_is_trained_saved_and_loaded_and_its_weights_are_counted()
    {
        using var scope = NewDisposeScope();
        var description = Model(Bases.MobileNetV3Small(), channels: 5).Describe();
        using var model = description.Build(CPU);
        model.forward(rand(2, 5, 64, 64), "a").sum().backward();
        var state = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        state["input_projections.a.conv.weight"].shape.Should().Equal(16, 5, 3, 3);
        state["input_projections.a.conv.weight"].grad.Should().NotBeNull();
        state["base_model.features.0.0.weight"].grad.Should().BeNull("the adapted stem stands for it");
        model.eval();
        var path = Path.GetTempFileName();
        try
        {
            model.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU);
            var x = rand(2, 5, 64, 64);
            loaded.forward(x, "a").ShouldBeSame(model.forward(x, "a"));
        }
        finally
        {
            File.Delete(path);
        }

        var weights = model.parameters().Where(parameter => parameter.dim() > 1).Sum(parameter => parameter.numel());
        using var same = new MultiInputModel(description, CPU, weights);
        var refused = () => new MultiInputModel(description, CPU, weights - 1);
        refused.Should().Throw<MultiInputException>();
    }

    private static MultiInputModelBuilder Model(BaseSpec sharedBase, StemMethod method = StemMethod.Repeat, int channels = 4) => MultiInputModel.Define()
        .Input("a", Inputs.Image(channels, 64, 64), Projections.AdaptedStem(method)).Base(sharedBase).Fusion(Fusions.GlobalAverage()).Task("a", Heads.Regression(1));
}
