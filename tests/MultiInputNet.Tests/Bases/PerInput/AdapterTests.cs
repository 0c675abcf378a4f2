using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class AdapterTests
{
    private static MultiInputModel Build(BaseSpec spec, Adapters adapters, int seed = 1)
    {
        random.manual_seed(seed);
        return MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 7, 7))
            .Input("rgb", Inputs.Image(3, 7, 7))
            .Base(spec, adapters: adapters)
            .Task("gray", Heads.Classification(4))
            .Task("rgb", Heads.Classification(5))
            .Build(CPU);
    }

    private static BaseSpec OneConvolution(int stride = 1, int groups = 1, int padding = 1) => Bases.From("one", 4, () => nn.Sequential(
        ("conv", nn.Conv2d(4, 8, kernel_size: 3, stride: stride, padding: padding, groups: groups))));

    private static void ShouldEqual(Tensor actual, Tensor expected, string because = "") =>
        (actual.shape.SequenceEqual(expected.shape) && actual.eq(expected).all().ToBoolean()).Should().BeTrue(because);

    [Theory]
    [InlineData(Adapters.Parallel)]
    [InlineData(Adapters.Series)]
    public void A_base_with_new_adapters_gives_what_it_gives_without(Adapters adapters)
    {
        using var scope = NewDisposeScope();
        var spec = Bases.ConvNet(4, 6, 8) with { Normalization = Normalization.Group, Depth = 2, Residual = true };
        using var with = Build(spec, adapters);
        using var without = Build(spec, Adapters.None);
        without.load_state_dict(with.state_dict().Where(pair => !pair.Key.StartsWith("base_inputs", StringComparison.Ordinal)).ToDictionary());

        foreach (var (name, x) in new Dictionary<string, Tensor> { ["gray"] = rand(3, 1, 7, 7), ["rgb"] = rand(4, 3, 7, 7) })
            ShouldEqual(with.forward(x, name), without.forward(x, name), name);
    }

    [Theory]
    [InlineData(Adapters.Parallel)]
    [InlineData(Adapters.Series)]
    public void A_stem_is_its_input_s_own_and_has_no_adapter(Adapters adapters)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("bands", Inputs.Image(5, 7, 7), Projections.AdaptedStem())
            .Base(Bases.ConvNet(4, 6, 8), adapters: adapters)
            .Input("few", Inputs.Image(2, 7, 7), Projections.AdaptedStem())
            .Base(Bases.ConvNet(4, 6), inputs: ["few"], adapters: adapters)
            .Task("bands", Heads.Regression(1)).Task("few", Heads.Regression(1))
            .Build(CPU);

        model.forward(rand(2, 2, 7, 7), "few").sum().backward();
        model.forward(rand(2, 5, 7, 7), "bands").sum().backward();

        model.named_parameters().Where(pair => pair.name.StartsWith("base_inputs", StringComparison.Ordinal)).Select(pair => pair.name).Should().Equal("base_inputs.bands.stages.1.blocks.0.conv.weight");
        model.named_parameters().Where(pair => pair.parameter.grad is null).Should().OnlyContain(pair => pair.name.Contains(".stages.0.", StringComparison.Ordinal), "the stem stands for it");
    }

    [Theory]
    [InlineData(Adapters.Parallel, 1, 1)]
    [InlineData(Adapters.Parallel, 2, 1)]
    [InlineData(Adapters.Parallel, 1, 2)]
    [InlineData(Adapters.Series, 1, 1)]
    [InlineData(Adapters.Series, 2, 2)]
    public void An_adapter_adds_its_input_s_convolution(Adapters adapters, int stride, int groups)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Build(OneConvolution(stride, groups), adapters);
        var state = model.state_dict();
        var weight = state["base_inputs.rgb.module.conv.weight"];
        weight.copy_(randn_like(weight));
        var x = rand(2, 3, 7, 7);

        var map = model.forward_features(new Dictionary<string, Tensor> { ["rgb"] = x })["rgb"];

        var projected = nn.functional.conv2d(x, state["input_projections.rgb.conv.weight"], state["input_projections.rgb.conv.bias"]);
        var y = nn.functional.conv2d(
            projected, state["base_model.module.conv.weight"], state["base_model.module.conv.bias"], [stride, stride], [1L, 1], groups: groups);
        var expected = y + (adapters == Adapters.Parallel
            ? nn.functional.conv2d(projected, weight, strides: [stride, stride], groups: groups)
            : nn.functional.conv2d(y, weight, groups: groups));
        map.allclose(expected, rtol: 1e-4, atol: 1e-5).Should().BeTrue();
        state["base_inputs.gray.module.conv.weight"].count_nonzero().ToInt64().Should().Be(0);
    }

    [Theory]
    [InlineData(Adapters.Parallel)]
    [InlineData(Adapters.Series)]
    public void The_gradient_of_an_adapter_is_that_of_finite_differences(Adapters adapters)
    {
        using var scope = NewDisposeScope();
        using var model = Build(OneConvolution(), adapters);
        var (x, factors) = (rand(2, 1, 7, 7), randn(2, 8, 7, 7));
        var adapter = model.named_parameters().Single(p => p.name == "base_inputs.gray.module.conv.weight").parameter;
        Tensor Loss() => (model.forward_features(new Dictionary<string, Tensor> { ["gray"] = x })["gray"] * factors).sum();

        Loss().backward();

        // The loss is linear in the adapter: a large step is exact but for rounding.
        using var noGrad = no_grad();
        for (var i = 0; i < adapter.shape[0]; i += 3)
        {
            for (var j = 0; j < adapter.shape[1]; j++)
            {
                adapter[i, j, 0, 0] = tensor(1f);
                var above = Loss().ToSingle();
                adapter[i, j, 0, 0] = tensor(-1f);
                var below = Loss().ToSingle();
                adapter[i, j, 0, 0] = tensor(0f);
                adapter.grad![i, j, 0, 0].ToSingle().Should().BeApproximately((above - below) / 2, 1e-3f);
            }
        }
    }

    [Fact]
    public void Adapters_are_at_the_convolutions_larger_than_1_by_1()
    {
        using var model = Build(Bases.ConvNet(4, 6, 6) with { Residual = true }, Adapters.Parallel);

        model.state_dict().Keys.Where(key => key.StartsWith("base_inputs.gray", StringComparison.Ordinal)).Should().Equal(
            "base_inputs.gray.stages.0.blocks.0.conv.weight", "base_inputs.gray.stages.1.blocks.0.conv.weight");
    }

    [Fact]
    public void A_summary_counts_adapters_at_their_input()
    {
        using var without = Build(OneConvolution(), Adapters.None);
        using var with = Build(OneConvolution(), Adapters.Parallel);

        with.Paths.First().Macs.Should().Be(without.Paths.First().Macs + 7 * 7 * 4 * 8);
        with.Summary().Should().MatchRegex(@"gray +image +1×7×7 +4×7×7 +8×7×7 +40 ").And.Contain("serves gray, rgb, each with parts of its own");
        without.Summary().Should().MatchRegex(@"gray +image +1×7×7 +4×7×7 +8×7×7 +8 ");
    }

    [Fact]
    public void An_adapter_beside_a_convolution_that_changes_the_size_is_refused()
    {
        var build = () => Build(OneConvolution(padding: 0), Adapters.Parallel);

        build.Should().Throw<MultiInputException>().WithMessage(
            "Base, base: its convolution 'module.conv' of 3×3 is not padded*Pad it, or put the adapters after the convolutions: Adapters.Series.");
        using var behind = Build(OneConvolution(padding: 0), Adapters.Series);
    }

    [Fact]
    public void A_base_without_a_convolution_to_adapt_is_refused()
    {
        var build = () => Build(Bases.From("pointwise", 4, () => nn.Sequential(nn.Conv2d(4, 4, kernel_size: 1))), Adapters.Series);

        build.Should().Throw<MultiInputException>().WithMessage(
            "Base, base: it has adapters, but no convolution (Conv2d) larger than 1×1 for them. Omit adapters.");
    }
}
