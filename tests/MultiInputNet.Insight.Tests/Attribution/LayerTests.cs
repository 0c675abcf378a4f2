using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>What layers return, their filters and their attention; and what is refused.</summary>
public sealed class LayerTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(TransformerOutput.Patches)]
    [InlineData(TransformerOutput.ClassToken)]
    [InlineData(TransformerOutput.Tokens)]
    public void GradCam_of_a_vision_transformer_is_a_map_of_its_patches(TransformerOutput output)
    {
        using var model = Transformer(output);
        var x = randn([2, 3, 32, 16], ScalarType.Float64);
        var raw = Insight.GradCam(model, "photo", x, options: new() { Resize = false, PositiveOnly = false });
        raw.shape.Should().Equal(2, 4, 2);
        raw.count_nonzero().ToInt64().Should().Be(16);
        Insight.GradCam(model, "photo", x).shape.Should().Equal(2, 32, 16);
    }

    [Fact]
    public void Attention_equals_a_hand_computation_from_what_the_layer_takes()
    {
        using var model = Transformer(TransformerOutput.Patches, Fusions.Attention(heads: 4));
        var x = randn([3, 3, 32, 16], ScalarType.Float64);
        var maps = Insight.Attention(model, "photo", x);

        maps.Select(map => map.Layer).Should().Equal(
            "base_model.encoder.layers.encoder_layer_0.self_attention", "base_model.encoder.layers.encoder_layer_1.self_attention", "fusions.photo");
        maps.Select(map => map.Weights.shape[1]).Should().Equal(3, 3, 4);
        maps.Select(map => map.Positions.Single()).Should().Equal(9, 9, 8);
        foreach (var map in maps)
        {
            map.Inputs.Should().Equal("photo");
            map.Weights.shape.Should().Equal(3, map.Weights.shape[1], map.Positions[0], map.Positions[0]);
            map.Weights.sum(-1).ShouldEqual(ones([.. map.Weights.shape.SkipLast(1)], ScalarType.Float64), 1e-12);
            map.Weights.min().ToDouble().Should().BeGreaterThanOrEqualTo(0);
        }

        using var noGrad = no_grad();
        var state = model.state_dict();
        HandMade(Insight.FeatureMaps(model, "photo", x, "encoder.layers.encoder_layer_0.ln_1"), maps[0].Layer, 3).ShouldEqual(maps[0].Weights, 1e-9);
        HandMade(Insight.FeatureMaps(model, "photo", x).flatten(2).transpose(1, 2), maps[2].Layer, 4).ShouldEqual(maps[2].Weights, 1e-9);

        // Sample by sample and head by head, as the paper writes it.
        Tensor HandMade(Tensor tokens, string layer, long heads)
        {
            var (weight, bias, width) = (state[$"{layer}.in_proj_weight"], state[$"{layer}.in_proj_bias"], tokens.shape[2]);
            return stack(Enumerable.Range(0, 3).Select(sample => stack(Enumerable.Range(0, (int)heads).Select(head =>
            {
                Tensor Rows(long from) => tokens[sample].matmul(weight.narrow(0, from + head * width / heads, width / heads).t()) + bias.narrow(0, from + head * width / heads, width / heads);
                var scores = (Rows(0).matmul(Rows(width).t()) / Math.Sqrt((double)width / heads)).exp();
                return scores / scores.sum(1, keepdim: true);
            }))));
        }
    }

    [Fact]
    public void Attention_of_a_joint_task_is_over_the_positions_of_all_inputs()
    {
        using var model = TestModels.All(joint: Fusions.Attention(heads: 2));
        var map = Insight.Attention(model, "joint", TestModels.Samples(2).For("person", "photo", "text")).Should().ContainSingle().Subject;
        map.Inputs.Should().Equal("photo", "text", "person");
        map.Weights.shape.Should().Equal(2, 2, map.Positions.Sum(), map.Positions.Sum());
        map.ToString().Should().StartWith("fusions.joint of photo, text, person: (2, 2, ");
    }

    [Fact]
    public void Feature_maps_are_those_of_the_base_and_of_its_stages()
    {
        using var model = TestModels.All();
        var x = TestModels.Samples(3).For("photo");
        Insight.FeatureMaps(model, "photo", x["photo"]).ShouldEqual(model.forward_features(x)["photo"].detach(), 1e-12);

        var path = model.Paths.First();
        var stages = path.Base.forward_stages(path.Projection.call(path.Standardize(x["photo"], ScalarType.Float64)));
        Insight.FeatureMaps(model, "photo", x["photo"], "stages.0").ShouldEqual(stages["stages.0"].detach(), 1e-12);
        Insight.FeatureMaps(model, "photo", x["photo"], "stages.1").ShouldEqual(stages["stages.1"].detach(), 1e-12);
    }

    [Fact]
    public void Filters_are_what_an_input_is_convolved_with()
    {
        using var model = TestModels.All();
        using var noGrad = no_grad();
        var x = randn([2, 3, 16, 16], ScalarType.Float64);

        // In the middle, where no padding is, they give the first convolution's result less its value for zeros.
        var filters = Insight.Filters(model, "photo");
        filters.shape.Should().Equal(12, 3, 3, 3);
        var path = model.Paths.First();
        Tensor First(Tensor batch) => path.Base.FirstConvolution!.call(path.Projection.call(batch)).narrow(2, 1, 14).narrow(3, 1, 14);
        nn.functional.conv2d(x, filters).ShouldEqual(First(x) - First(zeros_like(x)), 1e-9);

        Insight.BaseFilters(model).shape.Should().Equal(12, 8, 3, 3);
        Insight.Filters(model, "wave").shape.Should().Equal(8, 2, 5);
        Insight.Filters(model, "text").shape.Should().Equal(8, 8, 7);
        Insight.Filters(model, "row").shape.Should().Equal(8 * 16, 5);
        using var stems = MultiInputModel.Define().Input("a", Inputs.Image(2, 32, 32), Projections.AdaptedStem())
            .Base(Bases.ResNet18()).Task("a", Heads.Classification(2)).Build(CPU, seed: 1);
        Insight.Filters(stems, "a").shape.Should().Equal(64, 2, 7, 7);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Importance_of_attributions_that_are_not_finite_is_refused(double value)
    {
        using var model = TestModels.All();
        var attribution = tensor(new[,] { { 1, value, 0, 0 } });

        FluentActions.Invoking(() => Insight.ChannelImportance(model, "person", attribution)).Should().Throw<MultiInputException>().WithMessage("*not finite*");
        FluentActions.Invoking(() => Insight.PositionImportance(model, "person", attribution)).Should().Throw<MultiInputException>().WithMessage("*not finite*");
        FluentActions.Invoking(() => Insight.InputImportance(new Dictionary<string, Tensor> { ["a"] = attribution })).Should().Throw<ArgumentException>().WithMessage("*'a'*not finite*");
    }

    [Fact]
    public void Importance_is_the_share_of_absolute_values()
    {
        using var model = TestModels.All();
        var attribution = tensor(new double[,] { { 1, -3, 0, 0 }, { 0, 2, -2, 0 } });
        var columns = Insight.ChannelImportance(model, "person", attribution);
        columns.Select(column => (column.Name, column.Share)).Should().Equal(("age", 0.125), ("port", 0.625), ("fare", 0.25), ("deck", 0));
        columns[1].ToString().Should().Be("port: 0.6250");
        Insight.PositionImportance(model, "person", attribution).ShouldEqual(tensor(new[,] { { 0.25, 0.75, 0, 0 }, { 0, 0.5, 0.5, 0 } }), 1e-12);
        Insight.InputImportance(new Dictionary<string, Tensor> { ["a"] = attribution, ["b"] = attribution * 3 })
            .Should().Equal(new Importance("a", 0.25), new Importance("b", 0.75));
        Insight.ChannelImportance(model, "photo", zeros(1, 3, 16, 16)).Should().OnlyContain(band => band.Share == 0);
        Insight.PositionImportance(model, "photo", ones(1, 3, 16, 16)).ShouldEqual(ones(1, 16, 16) / 256, 1e-6);
    }

    [Fact]
    public void Bad_calls_say_what_is_wrong()
    {
        using var model = TestModels.All();
        var samples = TestModels.Samples(2);
        void Fails<T>(Action call, string message)
            where T : Exception => FluentActions.Invoking(call).Should().Throw<T>().WithMessage(message);

        Fails<MultiInputException>(() => Insight.Saliency(model, "nothing", samples["photo"]), "*no such task*");
        Fails<MultiInputException>(() => Insight.Saliency(model, "joint", samples["photo"]), "*single tensor*dictionary*");
        Fails<MultiInputException>(() => Insight.Saliency(model, "joint", samples.For("photo")), "*'text' is missing*");
        Fails<MultiInputException>(() => Insight.Saliency(model, "photo", samples["gray"]), "*(2, 1, 16, 16)*");
        Fails<ArgumentOutOfRangeException>(() => Insight.Saliency(model, "photo", samples["photo"], 4), "*0 to 3*");
        Fails<ArgumentOutOfRangeException>(() => Insight.Saliency(model, "photo", samples["photo"], -1), "*0 to 3*");
        Fails<ArgumentException>(() => Insight.IntegratedGradients(model, "row", samples["row"]), "*'row' has 2 outputs*");
        Fails<MultiInputException>(() => Insight.IntegratedGradients(model, "photo", samples["photo"], baseline: zeros(2, 2)), "*(2, 2)*(3, 16, 16)*");
        Fails<MultiInputException>(() => Insight.GradCam(model, "row", samples["row"], 0), "*no positions*");
        Fails<MultiInputException>(() => Insight.GradCam(model, "photo", samples["photo"], options: new() { Layer = "x" }), "*'stages.0', 'stages.1'*");
        Fails<MultiInputException>(() => Insight.Occlusion(model, "photo", samples["photo"], window: new([3, 20, 1])), "*(3, 20, 1)*");
        Fails<MultiInputException>(() => Insight.Occlusion(model, "photo", samples["photo"], window: new([3, 4, 4], [3, 5, 1])), "*stride*");
        Fails<MultiInputException>(() => Insight.Attention(model, "photo", samples["photo"]), "*no attention*");
        Fails<MultiInputException>(() => Insight.FeatureMaps(model, "joint", samples["photo"]), "*reads 'photo', 'text', 'person'*");
        Fails<MultiInputException>(() => Insight.ChannelImportance(model, "photo", ones(1, 2)), "*(1, 2)*");
        Fails<MultiInputException>(() => Insight.Saliency(model, "photo", samples["photo"] * double.NaN), "*not finite*");
        Fails<ArgumentNullException>(() => Insight.Saliency(null!, "photo", samples["photo"]), "*model*");
        Fails<ArgumentNullException>(() => Insight.GradCam(model, "photo", (Tensor)null!), "*input*");
        Fails<ArgumentOutOfRangeException>(() => _ = new IntegratedGradientsOptions { Steps = 0 }, "*1 to 10,000*");
        Fails<ArgumentOutOfRangeException>(() => Insight.Occlusion(model, "photo", samples["photo"], batchSize: 0), "*at least 1*");
    }

    private static MultiInputModel Transformer(TransformerOutput output, FusionSpec? fusion = null) => TestModels.Double(MultiInputModel.Define()
        .Input("photo", Inputs.Image(3, 32, 16))
        .Base(Bases.ViTB16() with { Width = 24, Depth = 2, Heads = 3, PatchSize = 8, ImageSize = 32, Output = output })
        .Task("photo", Heads.Classification(4), fusion: fusion)
        .Build(CPU, seed: 3));
}
