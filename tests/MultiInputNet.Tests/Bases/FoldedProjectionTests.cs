using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class FoldedProjectionTests
{
    private static readonly ConvNetSpec small = Bases.ConvNet(4, 8, 12);

    public static TheoryData<BaseSpec, Adapters, PerInput> Foldable => new()
    {
        { small, Adapters.None, PerInput.Nothing },
        { small, Adapters.Series, PerInput.Nothing },
        { small, Adapters.Parallel, PerInput.Nothing },
        { small with { Pooling = Pooling.Average, Activation = Activation.LeakyReLU }, Adapters.None, PerInput.Nothing },
        { small with { Pooling = Pooling.None, Depth = 2, Normalization = Normalization.Batch, Activation = Activation.GELU }, Adapters.None, PerInput.Nothing },
        { small with { Normalization = Normalization.Batch }, Adapters.Series, PerInput.Normalization },
        { Bases.ConvNet(8, 8), Adapters.None, PerInput.Nothing },
        { Bases.ConvNet(2, 8), Adapters.Series, PerInput.Nothing },
        { Bases.ResNet18(4), Adapters.None, PerInput.Nothing },
        { Bases.ResNet18(4), Adapters.Parallel, PerInput.Nothing },
        { Bases.MobileNetV3Small(4), Adapters.None, PerInput.Nothing },
        { Bases.EfficientNetB0(4), Adapters.None, PerInput.Nothing },
        { Bases.ConvNeXtTiny(4), Adapters.None, PerInput.Nothing },
        { Bases.ViTS16(4) with { ImageSize = 64, Depth = 1 }, Adapters.None, PerInput.Nothing },
    };

    public static TheoryData<BaseSpec, ProjectionSpec?> Unfoldable => new()
    {
        { small, new ConvolutionProjectionSpec { Normalization = Normalization.Group } },
        { small, new ConvolutionProjectionSpec { Activation = Activation.ReLU } },
        { small, Projections.AdaptedStem() },
        { small with { Residual = true }, null },
        { Bases.ConvNet(1, 8), null },
        { Bases.From("conv", 4, () => nn.Conv2d(4, 8, kernel_size: 3)), null },
    };

    public static TheoryData<string> Watchable =>
    [
        "input_projections.a", "input_projections.a.conv", "base_model", "base_model.stages.0", "base_model.stages.0.blocks.0", "base_model.stages.0.blocks.0.conv",
    ];

    // Of one model, once as it runs and once its modules one after the other, in double precision.
    [Theory]
    [MemberData(nameof(Foldable))]
    public void A_folded_projection_gives_the_maps_and_gradients_of_the_projection_and_the_convolution_behind_it(BaseSpec sharedBase, Adapters adapters, PerInput perInput)
    {
        using var scope = NewDisposeScope();
        using var model = Build(sharedBase, adapters: adapters, perInput: perInput);
        model.train(perInput != PerInput.Nothing);
        model.to(ScalarType.Float64);
        foreach (var (name, parameter) in model.named_parameters().Where(pair => pair.name.StartsWith("base_inputs", StringComparison.Ordinal)))
            nn.init.normal_(parameter, std: 0.1);
        var x = randn(2, 3, 64, 64, ScalarType.Float64, requires_grad: true);

        model.IsFolded().Should().BeTrue();
        var (folded, foldedGradients) = Run(() => model.forward_features(new Dictionary<string, Tensor> { ["a"] = x })["a"]);
        var (unfolded, gradients) = Run(() =>
        {
            var path = model.Paths.Single();
            using var run = new BaseRun("a", path.Own?.ByLayer);
            return path.Base.call(ChannelsLast.Of(path.Projection.call(x)));
        });

        folded.ShouldEqual(unfolded, 1e-10);
        foreach (var (name, gradient) in gradients)
        {
            // Batch statistics take a bias away: its gradient is zero but for rounding.
            if (gradient.abs().max().ToDouble() > 1e-9)
                foldedGradients[name].ShouldEqual(gradient, 1e-9, name);
            else
                foldedGradients[name].abs().max().ToDouble().Should().BeLessThan(1e-9, name);
        }

        (Tensor Map, Dictionary<string, Tensor> Gradients) Run(Func<Tensor> forward)
        {
            model.zero_grad();
            x.grad = null;
            var map = forward();
            map.square().sum().backward();
            var gradients = model.named_parameters().Where(pair => pair.parameter.grad is not null).ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone());
            gradients.Keys.Should().Contain(["input_projections.a.conv.weight", "input_projections.a.conv.bias"]);
            gradients.Add("x", x.grad!.clone());
            return (map.detach(), gradients);
        }
    }

    [Fact]
    public void A_projection_to_one_channel_is_folded_though_its_convolution_has_a_guard()
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Image(1, 8, 8)).Base(Bases.ConvNet(1, 8)).Task("a", Heads.Regression(1)).Build(CPU);

        model.IsFolded().Should().BeTrue();
    }

    [Theory]
    [MemberData(nameof(Watchable))]
    public void Hooks_of_the_modules_on_the_way_are_called_and_see_the_projected_map(string module)
    {
        using var scope = NewDisposeScope();
        using var model = Build(small);
        var watched = model.Module(module);
        var channels = new List<long>();
        Action[] hooks =
        [
            watched.register_forward_pre_hook((_, input) =>
            {
                channels.Add(input.shape[1]);
                return input;
            }).remove,
            watched.register_forward_hook((_, input, result) =>
            {
                channels.Add(input.shape[1]);
                return result;
            }).remove,
            watched.register_forward_pre_hook(_ => channels.Add(0)).remove,
            watched.register_forward_hook(_ => channels.Add(0)).remove,
        ];
        foreach (var (i, remove) in hooks.Index())
        {
            channels.Clear();
            model.forward(rand(2, 3, 64, 64), "a");
            channels.Should().HaveCount(hooks.Length - i);
            channels.Should().OnlyContain(count => count == 0 || count == (module.StartsWith("input", StringComparison.Ordinal) ? 3 : 4));
            remove();
        }
    }

    [Theory]
    [MemberData(nameof(Unfoldable))]
    public void What_is_not_linear_or_would_cost_more_is_not_folded(BaseSpec sharedBase, ProjectionSpec? projection)
    {
        using var scope = NewDisposeScope();
        using var model = Build(sharedBase, projection);

        model.IsFolded().Should().BeFalse();
        model.forward(rand(2, 3, 64, 64), "a").shape.Should().Equal(2, 1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Folded_and_stem_and_projected_maps_of_one_size_go_through_the_base_together(bool merges)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MultiInputModel.Define()
            .Input("folded", Inputs.Image(3, 8, 8)).Input("stem", Inputs.Image(6, 8, 8), Projections.AdaptedStem()).Input("projected", Inputs.Image(10, 8, 8))
            .Base(Bases.ConvNet(8, 8) with { Depth = 2 }).Fusion(Fusions.GlobalAverage())
            .Task("folded", Heads.Regression(1)).Task("stem", Heads.Regression(1)).Task("projected", Heads.Regression(1)).Build(CPU);
        model.MergesInputs = merges;
        var x = new Dictionary<string, Tensor> { ["folded"] = randn(2, 3, 8, 8), ["stem"] = randn(3, 6, 8, 8), ["projected"] = randn(4, 10, 8, 8) };
        model.Paths.Select(path => path.Folded is not null).Should().Equal(true, false, false);
        var runs = new List<long>();
        model.Module("base_model.stages.0.blocks.1").register_forward_hook((_, input, _) =>
        {
            runs.Add(input.shape[0]);
            return null!;
        });

        var maps = model.forward_features(x);

        runs.Should().Equal(merges ? [9] : [2, 3, 4], "all join behind the first convolution");

        var state = model.state_dict();
        Tensor Convolved(string key, Tensor map) => nn.functional.conv2d(
            map, state[$"{key}.weight"], state[$"{key}.bias"], padding: [state[$"{key}.weight"].shape[2] / 2, state[$"{key}.weight"].shape[3] / 2]);
        foreach (var (name, input) in x)
        {
            var map = Convolved($"input_projections.{name}.conv", input.to(ScalarType.Float32));
            map = name == "stem" ? map : Convolved("base_model.stages.0.blocks.0.conv", map);
            maps[name].ShouldEqual(nn.functional.max_pool2d(Convolved("base_model.stages.0.blocks.1.conv", map.relu()).relu(), kernel_size: 2), 1e-5, name);
        }
    }

    [Theory]
    [InlineData(Activation.None)]
    [InlineData(Activation.ReLU)]
    [InlineData(Activation.LeakyReLU)]
    public void A_map_from_behind_the_first_convolution_stays_as_it_is(Activation activation)
    {
        using var scope = NewDisposeScope();
        using var model = Build(Bases.ConvNet(4, 8) with { Pooling = Pooling.None, Activation = activation });
        var sharedBase = (SharedBase)model.Module("base_model");
        var map = randn(2, 8, 6, 6);
        var copy = map.clone();

        using (new BaseRun { EntersAfter = sharedBase.FirstConvolution })
        using (sharedBase.forward(map))
            map.ShouldBeSame(copy);
        map.ShouldBeSame(copy, "what the base gives is another tensor");
    }

    [Fact]
    public void A_hook_may_run_the_model_on_another_input()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MultiInputModel.Define()
            .Input("stem", Inputs.Image(6, 8, 8), Projections.AdaptedStem()).Input("projected", Inputs.Image(10, 8, 8))
            .Base(Bases.ConvNet(8, 8)).Task("stem", Heads.Regression(1)).Task("projected", Heads.Regression(1)).Build(CPU);
        var (stem, projected) = (randn(2, 6, 8, 8), randn(2, 10, 8, 8));
        var (alone, other) = (model.forward(stem, "stem"), model.forward(projected, "projected"));
        Tensor? within = null;
        model.Module("base_model").register_forward_pre_hook((_, input) =>
        {
            if (within is null)
            {
                within = input;
                within = model.forward(projected, "projected").DetachFromDisposeScope();
            }

            return input;
        });

        model.forward(stem, "stem").ShouldBeSame(alone);
        using (within)
            within!.ShouldBeSame(other);
    }

    [Fact]
    public void A_base_that_is_declared_with_the_channels_behind_its_first_convolution_is_refused()
    {
        FluentActions.Invoking(() => Build(Bases.From("odd", 8, () => nn.Sequential(("base", new ConvNetBase(Bases.ConvNet(4, 8, 12)))))))
            .Should().Throw<MultiInputException>().WithMessage("Input 'a', base: the base cannot take its map of (1, 8, 64, 64)*");
    }

    private static MultiInputModel Build(BaseSpec sharedBase, ProjectionSpec? projection = null, Adapters adapters = Adapters.None, PerInput perInput = PerInput.Nothing) => MultiInputModel.Define()
        .Input("a", Inputs.Image(3, 64, 64), projection).Base(sharedBase, adapters: adapters, perInput: perInput).Fusion(Fusions.GlobalAverage()).Task("a", Heads.Regression(1)).Build(CPU);
}

file static class ModelExtensions
{
    public static nn.Module<Tensor, Tensor> Module(this MultiInputModel model, string name) =>
        (nn.Module<Tensor, Tensor>)model.named_modules().First(pair => pair.name == name).module;

    public static bool IsFolded(this MultiInputModel model) => model.Paths.Single().Folded is not null;
}
