using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

public sealed class OcclusionTests
{
    [Fact]
    public void An_element_has_the_mean_over_the_windows_that_hide_it()
    {
        using var model = MultiInputModel.Define().Input("row", Inputs.Tabular(5)).Base(Bases.ConvNet(4, 8)).Task("row", Heads.Regression(1)).Build(CPU, seed: 1);
        model.eval();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var generator = new Generator(1);
        var x = randn(3, 5, generator: generator);
        Tensor Hidden(long first)
        {
            var hidden = x.clone();
            hidden.narrow(1, first, 2).zero_();
            return (model.forward(x, "row") - model.forward(hidden, "row")).squeeze(1);
        }

        var found = Insight.Occlusion(model, "row", x, window: new([2], [1]));

        var windows = Enumerable.Range(0, 4).Select(first => Hidden(first)).ToArray();
        var expected = stack([windows[0], (windows[0] + windows[1]) / 2, (windows[1] + windows[2]) / 2, (windows[2] + windows[3]) / 2, windows[3]], 1);
        (found - expected).abs().max().ToDouble().Should().BeLessThan(1e-5);
    }
}
