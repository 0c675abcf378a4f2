using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ConvNetBaseTests
{
    [Theory]
    [InlineData(Pooling.Max)]
    [InlineData(Pooling.Average)]
    [InlineData(Pooling.None)]
    public void Maps_of_any_size_down_to_one_by_one_pass(Pooling pooling)
    {
        using var scope = NewDisposeScope();
        using var sharedBase = new ConvNetBase(new ConvNetSpec(3) { Widths = [4, 5, 6], Pooling = pooling });
        foreach (var (height, width) in new[] { (1, 1), (1, 9), (2, 3), (7, 5), (16, 16) })
        {
            int Halved(int size) => pooling == Pooling.None ? size : (size + 7) / 8;
            sharedBase.forward(randn(2, 3, height, width)).shape.Should().Equal(2, 6, Halved(height), Halved(width));
        }
    }

    public static TheoryData<Activation> Activations => new(Enum.GetValues<Activation>());

    [Theory]
    [MemberData(nameof(Activations))]
    public void A_stage_is_convolution_activation_and_pooling(Activation activation)
    {
        using var scope = NewDisposeScope();
        using var sharedBase = new ConvNetBase(new ConvNetSpec(3) { Widths = [4], Depth = 2, Activation = activation });
        var (x, weights) = (randn(2, 3, 6, 6), sharedBase.state_dict());

        var y = x;
        foreach (var block in new[] { 0, 1 })
            y = Activate(nn.functional.conv2d(y, weights[$"stages.0.blocks.{block}.conv.weight"], weights[$"stages.0.blocks.{block}.conv.bias"], padding: [1, 1]));
        sharedBase.forward(x).ShouldEqual(nn.functional.max_pool2d(y, 2), 1e-5);

        Tensor Activate(Tensor t) => activation switch
        {
            Activation.ReLU => t.clamp_min(0),
            Activation.LeakyReLU => where(t > 0, t, t * 0.01),
            Activation.GELU => t * 0.5 * (1 + special.erf(t / Math.Sqrt(2))),
            Activation.SiLU => t / (1 + (-t).exp()),
            Activation.HardSwish => t * (t + 3).clamp(0, 6) / 6,
            Activation.Tanh => (t.exp() - (-t).exp()) / (t.exp() + (-t).exp()),
            _ => t,
        };
    }

    [Fact]
    public void A_residual_block_adds_its_input()
    {
        using var scope = NewDisposeScope();
        using var sharedBase = new ConvNetBase(new ConvNetSpec(4) { Widths = [4], Pooling = Pooling.None, Activation = Activation.None, Residual = true });
        var (x, weights) = (randn(2, 4, 5, 5), sharedBase.state_dict());

        sharedBase.forward(x).ShouldEqual(x + nn.functional.conv2d(x, weights["stages.0.blocks.0.conv.weight"], weights["stages.0.blocks.0.conv.bias"], padding: [1, 1]), 1e-5);
    }

    [Fact]
    public void New_normalisations_begin_with_ones_and_zeros()
    {
        using var scope = NewDisposeScope();
        foreach (var normalization in new[] { Normalization.Batch, Normalization.Group, Normalization.Layer })
        {
            using var sharedBase = new ConvNetBase(new ConvNetSpec(3) { Widths = [12], Normalization = normalization });
            var weights = sharedBase.state_dict();
            weights["stages.0.blocks.0.norm.weight"].ShouldBeSame(ones(12));
            weights["stages.0.blocks.0.norm.bias"].ShouldBeSame(zeros(12));
        }
    }

    [Fact]
    public void Its_stages_one_after_the_other_are_the_base()
    {
        using var scope = NewDisposeScope();
        using var sharedBase = new ConvNetBase(new ConvNetSpec(3) { Widths = [4, 5], Normalization = Normalization.Batch });
        sharedBase.eval();
        var x = randn(2, 3, 8, 8);

        var maps = sharedBase.forward_stages(x);

        maps.Keys.Should().Equal("stages.0", "stages.1");
        maps["stages.0"].shape.Should().Equal(2, 4, 4, 4);
        maps["stages.1"].ShouldBeSame(sharedBase.forward(x));
    }

    [Fact]
    public void Any_module_is_a_base()
    {
        using var scope = NewDisposeScope();
        using var sharedBase = SharedBase.Wrap(nn.Conv2d(3, 5, kernel_size: 1L), channels: 3);
        sharedBase.Channels.Should().Be(3);
        sharedBase.forward(zeros(2, 3, 4, 4)).shape.Should().Equal(2, 5, 4, 4);
        sharedBase.Stages.Should().ContainSingle().Which.Modules.Should().Equal(sharedBase);
        SharedBase.Wrap(sharedBase, 3).Should().BeSameAs(sharedBase);
    }
}
