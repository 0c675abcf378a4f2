using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>Attributions equal those of the same networks in PyTorch (Fixtures/attribution.py).</summary>
public sealed class FixtureTests : IDisposable
{
    private const double Tolerance = 1e-9;

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Dictionary<string, Tensor> fixture = Read();
    private readonly MultiInputModel model;
    private readonly Tensor x;

    public FixtureTests()
    {
        model = TestModels.Double(MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 16, 16) with { Mean = [0.5, -0.25, 1.0], StandardDeviation = [2.0, 0.5, 1.5] })
            .Base(Bases.ConvNet(4, 6, 8))
            .Task("photo", Heads.Classification(5))
            .Build(CPU, seed: 1));
        using var noGrad = no_grad();
        var state = model.state_dict();
        foreach (var (name, value) in fixture.Where(pair => pair.Key.StartsWith("convnet/", StringComparison.Ordinal)))
            state[name["convnet/".Length..]].copy_(value);
        x = fixture["convnet x"];
    }

    public void Dispose()
    {
        model.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void The_network_is_the_same() => model.forward(x, "photo").detach().ShouldEqual(fixture["convnet output"], 1e-12);

    [Fact]
    public void Saliency_equals_PyTorch() => Insight.Saliency(model, "photo", x).ShouldEqual(fixture["convnet saliency"], Tolerance);

    [Fact]
    public void Integrated_gradients_equal_PyTorch()
    {
        Insight.IntegratedGradients(model, "photo", x, options: new() { Steps = 20, Tolerance = null })
            .ShouldEqual(fixture["convnet integrated from mean"], Tolerance);
        Insight.IntegratedGradients(model, "photo", x, target: 2, baseline: zeros(3, 16, 16, ScalarType.Float64), options: new() { Steps = 20, Tolerance = null })
            .ShouldEqual(fixture["convnet integrated from zeros to 2"], Tolerance);
    }

    [Fact]
    public void GradCam_equals_PyTorch()
    {
        Insight.GradCam(model, "photo", x, options: new() { Resize = false }).ShouldEqual(fixture["convnet cam"], Tolerance);
        Insight.GradCam(model, "photo", x).ShouldEqual(fixture["convnet cam resized"], Tolerance);
        Insight.GradCam(model, "photo", x, options: new() { Resize = false, Layer = "stages.0" }).ShouldEqual(fixture["convnet cam of first"], Tolerance);
    }

    [Fact]
    public void Occlusion_equals_PyTorch() =>
        Insight.Occlusion(model, "photo", x, window: new([3, 4, 4], [3, 4, 4])).ShouldEqual(fixture["convnet occlusion"], Tolerance);

    [Fact]
    public void Weights_of_attention_equal_PyTorch()
    {
        using var attention = new AttentionFusion(8, 2);
        attention.to(ScalarType.Float64);
        using (no_grad())
        {
            foreach (var (name, value) in attention.state_dict())
                value.copy_(fixture[$"attention/{name}"]);
        }

        var asked = (IAttention<IReadOnlyList<FeatureSet>>)attention;
        var maps = fixture["attention maps"];
        attention.forward(maps).detach().ShouldEqual(fixture["attention fused"], Tolerance);
        asked.Attend([new(maps)]).ShouldEqual(fixture["attention weights"], Tolerance);
        var positions = fixture["attention absent"].logical_not();

        // The rows of absent positions mean nothing: their values are not used.
        var rows = positions.unsqueeze(1).unsqueeze(3);
        (asked.Attend([new(maps, positionMask: positions)]) * rows).ShouldEqual(fixture["attention weights without absent"] * rows, Tolerance);
    }

    private static Dictionary<string, Tensor> Read()
    {
        using var file = WeightFile.Open(Path.Combine(AppContext.BaseDirectory, "Fixtures", "attribution.safetensors"));
        return file.ReadAll();
    }
}
