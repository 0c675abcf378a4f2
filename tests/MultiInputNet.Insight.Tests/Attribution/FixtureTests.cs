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
        TakeWeights(model, "convnet/");
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
    public void Saliency_equals_PyTorch()
    {
        Insight.Saliency(model, "photo", x).ShouldEqual(fixture["convnet saliency"], Tolerance);

        // The mean is that of the input.
        var mean = tensor(new[] { 0.5, -0.25, 1.0 }).view(1, 3, 1, 1);
        Insight.Saliency(model, "photo", x, options: new() { TimesInput = true }).ShouldEqual(fixture["convnet saliency"] * (x - mean).abs(), Tolerance);
    }

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

    [Fact]
    public void Attention_of_a_vision_transformer_equals_PyTorch()
    {
        using var transformer = TestModels.Double(MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 12, 12) with { Mean = [0, 0, 0], StandardDeviation = [1, 1, 1] }, Projections.Identity())
            .Base(Bases.ViTB16() with { Width = 8, Depth = 2, Heads = 2, PatchSize = 4, ImageSize = 12, Output = TransformerOutput.ClassToken })
            .Task("photo", Heads.Classification(5), fusion: Fusions.Flatten())
            .Build(CPU, seed: 1));
        TakeWeights(transformer, "transformer/");
        var photos = fixture["transformer x"];

        transformer.forward(photos, "photo").detach().ShouldEqual(fixture["transformer output"], Tolerance);
        var maps = Insight.Attention(transformer, "photo", photos);
        maps.Should().HaveCount(2);
        foreach (var (layer, map) in maps.Index())
        {
            map.Layer.Should().Be($"base_model.encoder.layers.encoder_layer_{layer}.self_attention");
            map.Weights.ShouldEqual(fixture[$"transformer attention {layer}"], Tolerance);
        }

        Insight.Saliency(transformer, "photo", photos).ShouldEqual(fixture["transformer saliency"], Tolerance);
        Insight.IntegratedGradients(transformer, "photo", photos, baseline: zeros(3, 12, 12, ScalarType.Float64), options: new() { Steps = 20, Tolerance = null })
            .ShouldEqual(fixture["transformer integrated from zeros"], Tolerance);
    }

    /// <summary>Copies weights of the fixture, whose names begin alike; every weight of the model has to be among them.</summary>
    private void TakeWeights(MultiInputModel target, string prefix)
    {
        using var noGrad = no_grad();
        var names = fixture.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..]);
        var state = target.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        names.Should().BeEquivalentTo(state.Keys);
        foreach (var (name, parameter) in state)
            parameter.copy_(fixture[prefix + name]);
    }

    private static Dictionary<string, Tensor> Read()
    {
        using var file = WeightFile.Open(Path.Combine(AppContext.BaseDirectory, "Fixtures", "attribution.safetensors"));
        return file.ReadAll();
    }
}
