using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>Adebayo et al. (2018): maps depend on the weights, so that random weights change them.</summary>
public sealed class SanityTests
{
    [Theory]
    [InlineData("saliency")]
    [InlineData("integrated gradients")]
    [InlineData("Grad-CAM")]
    [InlineData("occlusion")]
    public void Random_weights_change_maps_and_the_same_weights_do_not(string method)
    {
        using var scope = NewDisposeScope();
        using var model = Build(seed: 1);
        using var generator = new Generator(2);
        var x = randn([8, 3, 16, 16], generator: generator);
        var before = Maps(model, x, method);

        Correlation(before, Maps(model, x, method)).Should().BeGreaterThan(0.9999);
        using (var other = Build(seed: 2))
        using (no_grad())
        {
            foreach (var (mine, its) in model.parameters().Zip(other.parameters()))
                mine.copy_(its);
        }

        Math.Abs(Correlation(before, Maps(model, x, method))).Should().BeLessThan(0.5);
    }

    [Fact]
    public void Random_weights_of_the_head_alone_change_maps()
    {
        using var scope = NewDisposeScope();
        using var model = Build(seed: 1);
        using var generator = new Generator(2);
        var x = randn([8, 3, 16, 16], generator: generator);
        var before = Insight.IntegratedGradients(model, "photo", x, target: 1);
        using (var other = Build(seed: 2))
        using (no_grad())
        {
            foreach (var (mine, its) in model.Head("photo").parameters().Zip(other.Head("photo").parameters()))
                mine.copy_(its);
        }

        Math.Abs(Correlation(before, Insight.IntegratedGradients(model, "photo", x, target: 1))).Should().BeLessThan(0.5);
    }

    private static Tensor Maps(MultiInputModel model, Tensor x, string method) => method switch
    {
        "saliency" => Insight.Saliency(model, "photo", x, target: 1),
        "integrated gradients" => Insight.IntegratedGradients(model, "photo", x, target: 1),
        "Grad-CAM" => Insight.GradCam(model, "photo", x, target: 1, new() { PositiveOnly = false, Resize = false }),
        _ => Insight.Occlusion(model, "photo", x, target: 1),
    };

    /// <summary>
    /// The mean over samples of Spearman's rank correlation. Not of absolute values: what is multiplied by the input is large where the
    /// input is, whatever the weights (Adebayo et al., section 4.2).
    /// </summary>
    private static double Correlation(Tensor one, Tensor other)
    {
        var (a, b) = (Ranks(one), Ranks(other));
        return ((a * b).sum(1) / (a.square().sum(1) * b.square().sum(1)).sqrt()).mean().ToDouble();
    }

    private static Tensor Ranks(Tensor maps)
    {
        var ranks = maps.flatten(1).argsort(1).argsort(1).to(ScalarType.Float64);
        return ranks - ranks.mean([1], keepdim: true);
    }

    private static MultiInputModel Build(long seed)
    {
        var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 16, 16))
            .Base(Bases.ConvNet(8, 12, 16))
            .Task("photo", Heads.Classification(4))
            .Build(CPU, seed);
        model.eval();
        return model;
    }
}
