using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class FoldedProjectionTests
{
    private static readonly ConvNetSpec small = Bases.ConvNet(4, 8, 12);

    public static TheoryData<BaseSpec, Adapters> Foldable => new()
    {
        { small, Adapters.None },
        { small, Adapters.Series },
        { small, Adapters.Parallel },
        { small with { Pooling = Pooling.Average, Activation = Activation.LeakyReLU }, Adapters.None },
        { small with { Pooling = Pooling.None, Depth = 2, Normalization = Normalization.Batch, Activation = Activation.GELU }, Adapters.None },
        { Bases.ResNet18(4), Adapters.None },
        { Bases.ResNet18(4), Adapters.Parallel },
        { Bases.MobileNetV3Small(4), Adapters.None },
        { Bases.EfficientNetB0(4), Adapters.None },
        { Bases.ConvNeXtTiny(4), Adapters.None },
        { Bases.ViTS16(4) with { ImageSize = 64, Depth = 1 }, Adapters.None },
    };

    public static TheoryData<BaseSpec, ProjectionSpec?> Unfoldable => new()
    {
        { small, new ConvolutionProjectionSpec { Normalization = Normalization.Group } },
        { small, new ConvolutionProjectionSpec { Activation = Activation.ReLU } },
        { small with { Residual = true }, null },
        { Bases.ConvNet(8, 8), null },
        { Bases.ConvNet(1, 8), null },
        { Bases.From("conv", 4, () => nn.Conv2d(4, 8, kernel_size: 3)), null },
    };

    // Of one model, once folded and once with a hook that wants to see the map between, in double precision.
    [Theory]
    [MemberData(nameof(Foldable))]
    public void A_folded_projection_gives_the_maps_and_gradients_of_the_projection_and_the_convolution_behind_it(BaseSpec trunk, Adapters adapters)
    {
        using var scope = NewDisposeScope();
        using var model = Build(trunk, adapters: adapters);
        model.eval();
        model.to(ScalarType.Float64);
        foreach (var (name, parameter) in model.named_parameters().Where(pair => pair.name.StartsWith("base_inputs", StringComparison.Ordinal)))
            nn.init.normal_(parameter, std: 0.1);
        var x = randn(2, 3, 64, 64, ScalarType.Float64, requires_grad: true);
        model.EntersBehindFirstConvolution().Should().BeTrue();

        var (folded, foldedGradients) = Run();
        model.Module("input_projections.a").register_forward_hook(_ => { });
        model.EntersBehindFirstConvolution().Should().BeFalse();
        var (unfolded, gradients) = Run();

        folded.ShouldEqual(unfolded, 1e-10);
        foreach (var (name, gradient) in gradients)
            foldedGradients[name].ShouldEqual(gradient, 1e-9, name);

        (Tensor Map, Dictionary<string, Tensor> Gradients) Run()
        {
            model.zero_grad();
            x.grad = null;
            var map = model.forward_features(new Dictionary<string, Tensor> { ["a"] = x })["a"];
            map.square().sum().backward();
            var gradients = model.named_parameters().Where(pair => pair.name.StartsWith("base_", StringComparison.Ordinal) || pair.name.StartsWith("input_", StringComparison.Ordinal))
                .ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone());
            gradients.Add("x", x.grad!.clone());
            return (map.detach(), gradients);
        }
    }

    [Theory]
    [InlineData("input_projections.a")]
    [InlineData("input_projections.a.conv")]
    [InlineData("base_model.stages.0.blocks.0.conv")]
    public void Hooks_of_the_folded_modules_are_called_all_the_same(string module)
    {
        using var scope = NewDisposeScope();
        using var model = Build(small);
        var calls = 0;
        var before = model.Module(module).register_forward_pre_hook((_, input) =>
        {
            calls++;
            return input;
        });
        var behind = model.Module(module).register_forward_hook((_, _, result) =>
        {
            calls++;
            return result;
        });
        var beforeModule = model.Module(module).register_forward_pre_hook(_ => calls++);
        var behindModule = model.Module(module).register_forward_hook(_ => calls++);

        for (var hooks = 4; hooks > 0; hooks--)
        {
            calls = 0;
            model.forward(rand(2, 3, 64, 64), "a");
            calls.Should().Be(hooks);
            if (hooks == 4)
                before.remove();
            else if (hooks == 3)
                behind.remove();
            else if (hooks == 2)
                beforeModule.remove();
            else
                behindModule.remove();
        }

        model.EntersBehindFirstConvolution().Should().BeTrue("no hook is left");
    }

    [Theory]
    [MemberData(nameof(Unfoldable))]
    public void What_is_not_linear_or_would_cost_more_is_not_folded(BaseSpec trunk, ProjectionSpec? projection)
    {
        using var scope = NewDisposeScope();
        using var model = Build(trunk, projection);

        model.EntersBehindFirstConvolution().Should().BeFalse();
        model.forward(rand(2, 3, 64, 64), "a").shape.Should().Equal(2, 1);
    }

    [Fact]
    public void The_map_that_a_base_is_given_stays_as_it_is()
    {
        using var scope = NewDisposeScope();
        using var model = Build(small with { Pooling = Pooling.None });
        var behindFirst = randn(2, 8, 6, 6);
        var copy = behindFirst.clone();

        ((SharedBase)model.Module("base_model")).forward(behindFirst);

        behindFirst.ShouldBeSame(copy);
    }

    private static MultiInputModel Build(BaseSpec trunk, ProjectionSpec? projection = null, Adapters adapters = Adapters.None) => MultiInputModel.Define()
        .Input("a", Inputs.Image(3, 64, 64), projection).Base(trunk, adapters: adapters).Fusion(Fusions.GlobalAverage()).Task("a", Heads.Regression(1)).Build(CPU);
}

file static class ModelExtensions
{
    public static nn.Module<Tensor, Tensor> Module(this MultiInputModel model, string name) =>
        (nn.Module<Tensor, Tensor>)model.named_modules().First(pair => pair.name == name).module;

    /// <summary>Whether the map that goes into the base comes out of another convolution than the base's first.</summary>
    public static bool EntersBehindFirstConvolution(this MultiInputModel model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var trunk = (SharedBase)model.Module("base_model");
        long channels = 0;
        var hook = trunk.register_forward_hook((_, input, _) =>
        {
            channels = input.shape[1];
            return null!;
        });
        model.forward_features(new Dictionary<string, Tensor> { ["a"] = zeros(1, 3, 64, 64, model.parameters().First().dtype) });
        hook.remove();
        return channels != trunk.Channels;
    }
}
