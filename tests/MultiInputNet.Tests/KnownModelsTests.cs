using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>The models of the published pattern, each against PyTorch (Fixtures/known_models.py): outputs and gradients.</summary>
public sealed class KnownModelsTests
{
    private static readonly BaseSpec sharedBase = Bases.ConvNet(3, 8, 12);

    [Fact]
    public void Projections_and_heads_around_a_shared_base_equal_PyTorch()
    {
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 16, 16))
            .Input("rgb", Inputs.Image(3, 13, 13))
            .Input("bands", Inputs.Image(6, 8, 8))
            .Base(sharedBase)
            .Task("gray", Heads.Classification(5))
            .Task("rgb", Heads.Classification(4))
            .Task("bands", Heads.Classification(3))
            .Build(CPU);

        Check(model, "flatten");
    }

    [Fact]
    public void Attention_fusion_equals_PyTorch()
    {
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 16, 16))
            .Input("rgb", Inputs.Image(3, 10, 10))
            .Base(sharedBase)
            .Fusion(Fusions.Attention(heads: 4))
            .Task("gray", Heads.Classification(5))
            .Task("rgb", Heads.Classification(4))
            .Build(CPU);

        Check(model, "attention");
    }

    [Fact]
    public void An_attention_fusion_that_all_inputs_share_equals_PyTorch()
    {
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 16, 16))
            .Input("rgb", Inputs.Image(3, 10, 10))
            .Input("record", Inputs.Tabular(7))
            .Base(sharedBase)
            .Fusion(Fusions.Attention(heads: 4), shared: true)
            .Task("gray", Heads.Classification(5))
            .Task("rgb", Heads.Classification(4))
            .Task("record", Heads.Classification(3))
            .Build(CPU);

        Check(model, "shared_attention");
    }

    [Fact]
    public void An_image_and_a_table_through_one_base_equal_PyTorch()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 16, 16))
            .Input("record", Inputs.Tabular(7))
            .Base(sharedBase)
            .Task("photo", Heads.Classification(5))
            .Task("record", Heads.Classification(4))
            .Build(CPU);

        Check(model, "table");
    }

    private static void Check(MultiInputModel model, string name)
    {
        var fixture = Fixture.Read("known_models");
        Dictionary<string, Tensor> Part(string part) => fixture
            .Where(pair => pair.Key.StartsWith($"{name}/{part}/", StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[(name.Length + part.Length + 2)..], pair => pair.Value);
        var (weights, inputs, expected, gradients) = (Part("weights"), Part("inputs"), Part("outputs"), Part("gradients"));
        var parameters = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);
        parameters.Keys.Should().BeEquivalentTo(weights.Keys);
        parameters.Values.Sum(parameter => parameter.numel()).Should().Be(fixture[$"{name}/parameters"].ToInt64());
        using (no_grad())
        {
            foreach (var (key, parameter) in parameters)
                parameter.copy_(weights[key]);
        }

        using var scope = NewDisposeScope();
        var outputs = model.forward(inputs);
        var losses = outputs.Values.Select(output =>
            (output * linspace(-1, 2, output.numel()).view_as(output)).sum() + output.square().mean());
        losses.Aggregate((sum, loss) => sum + loss).backward();

        var number = 0;
        foreach (var (task, output) in expected)
        {
            outputs[task].ShouldEqual(output, 1e-5, task);
            model.forward(inputs[task], task).ShouldEqual(output, 1e-5, $"{task} by name");
            model.forward(inputs[task], number++).ShouldEqual(output, 1e-5, $"{task} by index");
        }

        foreach (var (key, parameter) in parameters)
            parameter.grad!.ShouldEqual(gradients[key], 1e-5, key);
    }
}
