using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ChannelsLastTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    public void Depthwise_convolutions_give_what_they_give_in_the_default_layout(int resultsPerChannel, int stride)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 9, 9))
            .Base(Bases.From("depthwise", 6, () => nn.Sequential(
                ("conv", nn.Conv2d(6, 6 * resultsPerChannel, kernel_size: 3, stride: stride, padding: 1, groups: 6)))))
            .Task("a", Heads.Classification(2))
            .Build(CPU);
        var state = model.state_dict();
        var (weight, bias) = (state["base_model.module.conv.weight"], state["base_model.module.conv.bias"]);
        var x = rand(4, 3, 9, 9);

        var map = model.forward_features(new Dictionary<string, Tensor> { ["a"] = x })["a"];

        // Each channel by itself, as an ordinary convolution in double precision.
        var projected = nn.functional.conv2d(x, state["input_projections.a.conv.weight"], state["input_projections.a.conv.bias"]).to(float64);
        var weights = weight.detach().to(float64).requires_grad_();
        var expected = cat([.. Enumerable.Range(0, 6).Select(channel => nn.functional.conv2d(
            projected.narrow(1, channel, 1),
            weights.narrow(0, channel * resultsPerChannel, resultsPerChannel),
            bias.to(float64).narrow(0, channel * resultsPerChannel, resultsPerChannel),
            [stride, stride],
            [1L, 1]))], 1);
        map.to(float64).allclose(expected, rtol: 1e-5, atol: 1e-5).Should().BeTrue();
        map.sum().backward();
        expected.sum().backward();
        weight.grad!.to(float64).allclose(weights.grad!, rtol: 1e-4, atol: 1e-4).Should().BeTrue();
    }

    [Theory]
    [InlineData(4, false, Adapters.None)]
    [InlineData(8, false, Adapters.Series)]
    [InlineData(24, false, Adapters.None)]
    [InlineData(40, false, Adapters.Parallel)]
    [InlineData(6, true, Adapters.None)]
    public void The_gradient_of_a_map_of_one_channel_is_that_of_double_precision(int width, bool isUsers, Adapters adapters)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Tabular(5), Projections.Tabular(height: 9, width: 13))
            .Base(isUsers ? Bases.From("lenet", 1, () => nn.Sequential(("conv", nn.Conv2d(1, width, kernel_size: 5)))) : Bases.ConvNet(1, width), adapters: adapters).Task("a", Heads.Regression(1)).Build(CPU);
        var x = rand(4, 5);
        var gradients = Gradients(x);
        model.to(float64);

        foreach (var (name, expected) in Gradients(x.to(float64)))
            gradients[name].to(float64).ShouldEqual(expected, 1e-4, name);

        Dictionary<string, Tensor> Gradients(Tensor input)
        {
            model.zero_grad();
            model.forward(input, "a").square().sum().backward();
            return model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone());
        }
    }

    [Theory]
    [InlineData(24)]
    [InlineData(40)]
    public void The_gradient_of_an_image_of_one_channel_through_a_shared_stem_is_that_of_double_precision(int width)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 9, 13), Projections.AdaptedStem(shared: true)).Base(Bases.ConvNet(3, width)).Task("a", Heads.Regression(1)).Build(CPU);
        var single = rand(4, 1, 9, 13).requires_grad_();
        var real = single.detach().to(float64).requires_grad_();
        model.forward(single, "a").square().sum().backward();
        model.to(float64);
        model.forward(real, "a").square().sum().backward();

        single.grad!.to(float64).ShouldEqual(real.grad!, 1e-4);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(112)]
    public void Pointwise_convolutions_of_a_users_module_give_what_they_give_in_the_default_layout(int results)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 9, 13), Projections.Identity())
            .Base(Bases.From("pointwise", 3, () => nn.Sequential(("conv", nn.Conv2d(3, results, kernel_size: 1, stride: 2)))))
            .Task("a", Heads.Classification(2))
            .Build(CPU);
        var state = model.state_dict();
        var x = rand(4, 3, 9, 13);

        var map = model.forward_features(new Dictionary<string, Tensor> { ["a"] = x })["a"];

        // At each second position, a matrix product in double precision.
        var chosen = x.to(float64).slice(2, 0, 9, 2).slice(3, 0, 13, 2);
        var weight = state["base_model.module.conv.weight"].to(float64).view(results, 3);
        var expected = einsum("rc,bchw->brhw", weight, chosen) + state["base_model.module.conv.bias"].to(float64).view(1, -1, 1, 1);
        map.to(float64).ShouldEqual(expected, 1e-5);
    }

    [Theory]
    [InlineData(512, 512, 1, 1)]
    [InlineData(256, 40, 1, 1)]
    [InlineData(512, 512, 1, 3)]
    [InlineData(1, 112, 5, 4)]
    public void Pointwise_convolutions_of_maps_of_one_pixel_or_one_channel_give_what_they_give_in_double_precision(
        int channels, int results, int height, int width)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var conv = nn.Conv2d(channels, results, kernel_size: 1);
        ChannelsLast.Prepare(conv);
        using var noGrad = no_grad();
        foreach (var batch in new[] { 1, 2, 3, 8, 64 })
        {
            var x = randn(batch, channels, height, width);
            var expected = einsum("rc,bchw->brhw", conv.weight.to(float64).flatten(1), x.to(float64)) + conv.bias!.to(float64).view(1, -1, 1, 1);
            // As a convolution gives it; libtorch calls the strides of what has one pixel contiguous in any case.
            var map = ChannelsLast.Of(x).as_strided(x.shape, [channels * height * width, 1, channels * width, channels]);
            conv.call(map).to(float64).ShouldEqual(expected, 1e-5);
        }
    }

    public static TheoryData<ScalarType, int, int, int> Sequences { get; } = Table(
        [ScalarType.Float32, ScalarType.BFloat16, ScalarType.Float16], [1, 3, 8, 16, 24, 40], [1, 3, 7], [1, 2]);

    [Theory]
    [MemberData(nameof(Sequences))]
    public void Convolutions_of_sequences_give_what_they_give_in_double_precision(ScalarType type, int channels, int kernel, int stride)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        foreach (var results in new[] { 4, 12, 16, 24 })
        {
            using var conv = nn.Conv1d(channels, results, kernel, stride, padding: kernel / 2);
            ChannelsLast.Prepare(conv);
            ShouldBeAsInDoublePrecision(conv, randn(4, channels, 20), type, (x, weight, bias) =>
                nn.functional.linear(nn.functional.pad(x, [kernel / 2, kernel / 2]).unfold(2, kernel, stride).permute(0, 2, 1, 3).flatten(2), weight.flatten(1), bias).transpose(1, 2));
        }
    }

    [Theory]
    [InlineData(1, 1, 12)]
    [InlineData(2, 1, 12)]
    [InlineData(1, 6, 6)]
    [InlineData(2, 6, 6)]
    [InlineData(2, 12, 12)]
    [InlineData(2, 3, 24)]
    public void Convolutions_in_bfloat16_give_what_they_give_in_double_precision(int stride, int channels, int results)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var groups = channels == results ? channels : 1;
        using var conv = nn.Conv2d(channels, results, kernel_size: 3L, stride: stride, padding: 1L, groups: groups);
        ChannelsLast.Prepare(conv);
        ShouldBeAsInDoublePrecision(conv, ChannelsLast.Of(randn(4, channels, 9, 9)), ScalarType.BFloat16, (x, weight, bias) =>
        {
            var windows = nn.functional.pad(x, [1, 1, 1, 1]).unfold(2, 3, stride).unfold(3, 3, stride);
            return groups == 1
                ? einsum("bchwij,rcij->brhw", windows, weight) + bias.view(1, -1, 1, 1)
                : einsum("bchwij,cij->bchw", windows, weight.squeeze(1)) + bias.view(1, -1, 1, 1);
        });
    }

    private static void ShouldBeAsInDoublePrecision(nn.Module<Tensor, Tensor> conv, Tensor input, ScalarType type, Func<Tensor, Tensor, Tensor, Tensor> reference)
    {
        conv.to(type);
        var state = conv.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        var x = input.to(type).detach().requires_grad_();
        var (real, weight, bias) = (Double(x), Double(state["weight"]), Double(state["bias"]));
        var expected = reference(real, weight, bias);
        (expected * linspace(-1, 1, expected.numel()).reshape(expected.shape).to(float64)).sum().backward();
        var result = conv.call(x);
        (result * linspace(-1, 1, result.numel()).reshape(result.shape).to(type)).sum().backward();

        var tolerance = type == ScalarType.Float32 ? 1e-5 : 0.02;
        foreach (var (name, actual, its) in new[] { ("result", result, expected), ("input", x.grad!, real.grad!), ("weight", state["weight"].grad!, weight.grad!), ("bias", state["bias"].grad!, bias.grad!) })
            ((actual.to(float64) - its).norm() / its.norm()).item<double>().Should().BeLessThan(tolerance, name);

        static Tensor Double(Tensor value) => value.detach().to(float64).requires_grad_();
    }

    private static TheoryData<ScalarType, int, int, int> Table(ScalarType[] types, int[] channels, int[] kernels, int[] strides)
    {
        var data = new TheoryData<ScalarType, int, int, int>();
        foreach (var type in types)
        {
            foreach (var count in channels)
            {
                foreach (var (kernel, stride) in kernels.SelectMany(kernel => strides.Select(stride => (kernel, stride))))
                    data.Add(type, count, kernel, stride);
            }
        }

        return data;
    }
}
