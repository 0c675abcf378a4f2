using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class BuilderTests
{
    private static MultiInputModelBuilder FourKinds() => MultiInputModel.Define()
        .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
        .Input("land", Inputs.Image(channels: 4, height: 3, width: 3))
        .Input("dna", Inputs.Sequence(features: 3, length: 60))
        .Input("letter", Inputs.Tabular(features: 16))
        .Base(Bases.ConvNet(32, 16, 24))
        .Fusion(Fusions.Attention(heads: 4))
        .Task("digit", Heads.Classification(10))
        .Task("land", Heads.Classification(6))
        .Task("dna", Heads.Classification(3))
        .Task("letter", Heads.Classification(26))
        .Task("site", Heads.Regression(1), from: ["land", "letter"], fusion: Fusions.Concat());

    [Fact]
    public void Four_kinds_of_input_run_through_one_base()
    {
        using var model = FourKinds().Build(CPU);
        using var scope = NewDisposeScope();

        model.forward(rand(5, 1, 8, 8), "digit").shape.Should().Equal(5, 10);
        model.forward(rand(5, 4, 3, 3), 1).shape.Should().Equal(5, 6);
        var outputs = model.forward(new Dictionary<string, Tensor>
        {
            ["dna"] = rand(2, 3, 60),
            ["land"] = rand(3, 4, 3, 3),
            ["letter"] = rand(3, 16),
        });
        outputs.Keys.Should().Equal("land", "dna", "letter", "site");
        outputs["dna"].shape.Should().Equal(2, 3);
        outputs["site"].shape.Should().Equal(3, 1);
    }

    [Fact]
    public void A_description_goes_through_JSON_and_builds_the_same_model()
    {
        var description = FourKinds().Describe();
        var read = ModelDescription.FromJson(description.ToJson());

        read.Should().Be(description);
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        using var first = description.Build(CPU);
        random.manual_seed(3);
        using var second = read.Build(CPU);
        var (a, b) = (first.state_dict(), second.state_dict());
        a.Keys.Should().Equal(b.Keys);
        foreach (var (name, value) in a)
            value.eq(b[name]).all().ToBoolean().Should().BeTrue(name);
    }

    [Fact]
    public void Several_inputs_at_once_equal_one_by_one()
    {
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 12, 12))
            .Input("rgb", Inputs.Image(3, 12, 12))
            .Base(Bases.ConvNet(8, 8, 8) with { Normalization = Normalization.Group })
            .Task("gray", Heads.Classification(4))
            .Task("rgb", Heads.Classification(5))
            .Build(CPU);
        using var scope = NewDisposeScope();
        var batch = new Dictionary<string, Tensor> { ["gray"] = rand(3, 1, 12, 12), ["rgb"] = rand(7, 3, 12, 12) };

        var merged = model.forward(batch);

        foreach (var (name, output) in merged)
            output.allclose(model.forward(batch[name], name), rtol: 1e-5, atol: 1e-6).Should().BeTrue(name);
    }

    [Fact]
    public void A_saved_model_is_loaded_as_it_was()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using var model = FourKinds().Build(CPU);
            model.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU);
            using var scope = NewDisposeScope();
            model.eval();
            var x = rand(2, 16);
            loaded.forward(x, "letter").eq(model.forward(x, "letter")).all().ToBoolean().Should().BeTrue();
            loaded.Description.Should().Be(model.Description);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
