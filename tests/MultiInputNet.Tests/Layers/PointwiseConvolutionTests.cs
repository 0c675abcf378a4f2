using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class PointwiseConvolutionTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_is_the_convolution_of_torch(int stride)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var ours = new PointwiseConvolution(6, 10, stride);
        using var torchs = nn.Conv2d(6, 10, kernel_size: 1L, stride: stride);
        torchs.load_state_dict(ours.state_dict());
        var (first, second) = (randn(3, 6, 5, 7).requires_grad_(), zeros(3, 6, 5, 7).requires_grad_());
        using (no_grad())
            second.copy_(first);

        var (actual, expected) = (ours.call(ChannelsLast.Of(first)), torchs.call(second));
        actual.square().sum().backward();
        expected.square().sum().backward();

        actual.ShouldEqual(expected, 1e-6);
        first.grad!.ShouldEqual(second.grad!, 1e-6);
        ours.Weight.grad!.ShouldEqual(torchs.weight.grad!, 1e-6);
        ours.Bias!.grad!.ShouldEqual(torchs.bias!.grad!, 1e-6);
    }

    [Fact]
    public void A_convolution_in_a_module_of_the_users_own_is_computed_rightly_on_channels_last_maps()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var conv = nn.Conv2d(256, 512, kernel_size: 1L, stride: 2L, bias: false);
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(256, 8, 8), Projections.From("same", (_, _) => nn.Identity()))
            .Base(Bases.From(conv, channels: 256))
            .Task("a", Heads.Classification(2))
            .Build(CPU);
        var x = randn(4, 256, 8, 8);

        var map = model.forward_features(new Dictionary<string, Tensor> { ["a"] = x })["a"];

        var every = arange(4) * 2;
        var expected = nn.functional.linear(
            x.index_select(2, every).index_select(3, every).permute(0, 2, 3, 1).to(ScalarType.Float64), conv.weight.flatten(1).to(ScalarType.Float64));
        map.ShouldEqual(expected.permute(0, 3, 1, 2), 1e-5);
    }
}
