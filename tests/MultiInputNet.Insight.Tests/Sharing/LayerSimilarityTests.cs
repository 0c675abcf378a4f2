using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Sharing;

/// <summary>Similarity of layers.</summary>
public sealed class LayerSimilarityTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Inputs_without_pairs_have_no_alignment_but_a_similarity_of_covariances()
    {
        using var model = SharingProblem.Build();
        var trace = new ModelTrace(model);
        var found = Insight.LayerSimilarity(model, SharingProblem.Sources());
        trace.ShouldBeUnchanged();

        found.Inputs.Select(its => its.Input).Should().Equal("image", "table");
        found.Inputs[0].Layers.Should().Equal("projection", "stages.0", "stages.1");
        found.Inputs[0].Cka.Should().HaveCount(3);
        foreach (var (i, row) in found.Inputs[0].Cka.Index())
        {
            row[i].Should().BeApproximately(1, 1e-9);
            row.Should().OnlyContain(value => value >= 0 && value <= 1 + 1e-9);
        }

        var pair = found.Pairs.Should().ContainSingle().Subject;
        pair.Cka.Should().BeNull();
        pair.PairedSamples.Should().Be(0);
        pair.Covariance.Should().HaveCount(3).And.OnlyContain(value => value >= 0 && value <= 1 + 1e-9);
    }

    [Fact]
    public void Pairs_of_a_joint_source_are_compared_row_by_row()
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Image(1, 8, 8)).Input("b", Inputs.Image(1, 8, 8)).Base(Bases.ConvNet(4, 8))
            .Task("both", Heads.Classification(2), from: ["a", "b"]).Build(CPU, seed: 1);
        using var generator = new Generator(1);
        var x = randn([100, 1, 8, 8], generator: generator);
        LayerSimilarities Compare(Tensor b) => Insight.LayerSimilarity(
            model, [new TensorSource("both", new Dictionary<string, Tensor> { ["a"] = x, ["b"] = b }, new Dictionary<string, Tensor>())], samplesPerInput: 100);

        // Through its own projection, an input of the same samples is not the same, but similar.
        using (no_grad())
        {
            var weights = model.state_dict();
            foreach (var (name, value) in weights.Where(pair => pair.Key.StartsWith("input_projections.b.", StringComparison.Ordinal)))
                value.copy_(weights[name.Replace("projections.b", "projections.a", StringComparison.Ordinal)]);
        }

        var same = Compare(x).Pairs[0];
        same.PairedSamples.Should().Be(100);
        same.Cka.Should().OnlyContain(value => Math.Abs(value - 1) < 1e-6);
        var shuffled = Compare(x.flip(0)).Pairs[0];
        shuffled.Cka.Should().OnlyContain(value => value < 0.6);
        shuffled.Covariance.Should().OnlyContain(value => Math.Abs(value - 1) < 1e-6);
    }

    public static TheoryData<string> BaseNames => ["convnet", "residual", "resnet", "vit", "per input"];

    [Theory]
    [MemberData(nameof(BaseNames))]
    public void The_last_layer_is_what_the_model_computes(string name)
    {
        var builder = MultiInputModel.Define().Input("image", Inputs.Image(2, 32, 32)).Input("table", Inputs.Tabular(5));
        builder = name switch
        {
            "convnet" => builder.Base(Bases.ConvNet(16, 8, 12) with { Normalization = Normalization.Batch }),
            "residual" => builder.Base(Bases.ConvNet(4, 8, 12) with { Residual = true }),
            "resnet" => MultiInputModel.Define().Input("image", Inputs.Image(2, 32, 32), Projections.AdaptedStem()).Input("table", Inputs.Tabular(5)).Base(Bases.ResNet18()),
            "vit" => builder.Base(Bases.ViTS16() with { Width = 12, Heads = 2, Depth = 2, PatchSize = 4 }),
            _ => builder.Base(Bases.ConvNet(4, 8) with { Normalization = Normalization.Batch }, perInput: PerInput.Normalization, adapters: Adapters.Parallel),
        };
        using var model = builder.Task("image", Heads.Classification(3), fusion: Fusions.GlobalAverage()).Task("table", Heads.Classification(2), fusion: Fusions.GlobalAverage()).Build(CPU, seed: 1);
        using var generator = new Generator(1);
        var samples = new Dictionary<string, Tensor> { ["image"] = randn([5, 2, 32, 32], generator: generator), ["table"] = randn([5, 5], generator: generator) };
        model.train();
        model.forward(samples);
        model.eval();
        using var noGrad = no_grad();
        var features = model.forward_features(samples);
        foreach (var path in model.Paths)
        {
            var layers = LayerFeatures.Of(path, samples[path.Name], ScalarType.Float32);
            layers.Should().HaveCount(LayerFeatures.Names(path).Count);
            var expected = SampledRows.Pool(new(features[path.Name]));
            (layers[^1] - expected).abs().max().ToDouble().Should().BeLessThan(1e-5 * Math.Max(1, expected.abs().max().ToDouble()), path.Name);
        }
    }
}
