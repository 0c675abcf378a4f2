using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class TorchScriptTests
{
    [Fact]
    public void Outputs_gradients_and_statistics_are_those_of_PyTorch()
    {
        using var scope = NewDisposeScope();
        var expected = Fixture.Read("torchscript");
        using var model = Build();
        var sharedBase = model.children().OfType<SharedBase>().Single();
        var x = expected["input"].requires_grad_();

        model.eval();
        sharedBase.call(x).ShouldEqual(expected["eval"], 1e-5);
        model.train();
        var output = sharedBase.call(x);
        output.ShouldEqual(expected["train"], 1e-5);
        (output * linspace(-1, 1, output.numel()).reshape(output.shape)).sum().backward();

        x.grad!.ShouldEqual(expected["input_gradient"], 1e-5);
        foreach (var (name, parameter) in sharedBase.named_parameters())
            parameter.grad!.ShouldEqual(expected[$"gradient/{name}"], 1e-5, name);
        foreach (var (name, buffer) in sharedBase.named_buffers().Where(pair => pair.name.Contains("running", StringComparison.Ordinal)))
            buffer.ShouldEqual(expected[name], 1e-5, name);
    }

    [Fact]
    public void It_is_one_of_a_models_parts_with_the_names_of_its_own_weights()
    {
        using var scope = NewDisposeScope();
        using var model = Build();

        model.state_dict().Keys.Where(key => key.StartsWith("base_model", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "base_model.conv.weight", "base_model.norm.weight", "base_model.norm.bias", "base_model.norm.running_mean", "base_model.norm.running_var",
            "base_model.norm.num_batches_tracked", "base_model.point.weight", "base_model.point.bias", "base_model.torchscript");
        model.Summary().Should().Contain("16×4×4");
        model.Summary().Should().Contain("base TorchScriptBase: 376 parameters");
        model.forward_features(new Dictionary<string, Tensor> { ["gray"] = rand(2, 1, 8, 8), ["rgb"] = rand(2, 3, 8, 8) })["rgb"].shape.Should().Equal(2, 16, 4, 4);
    }

    [Fact]
    public void It_trains_and_what_is_frozen_stays_to_the_bit()
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        var source = new TensorSource("gray", rand(12, 1, 8, 8), arange(12) % 4) { BatchSize = 6 };
        var before = Clone(model);

        model.Freeze(Parts.Base);
        new Trainer(model, new() { Epochs = 2 }).Fit([source]);
        var frozen = Clone(model);
        model.Unfreeze(Parts.Base);
        new Trainer(model, new() { Epochs = 2 }).Fit([source]);

        foreach (var (name, value) in frozen.Where(pair => pair.Key.StartsWith("base_model", StringComparison.Ordinal)))
        {
            value.ShouldBeSame(before[name], name);
            (model.state_dict()[name] == value).all().ToBoolean().Should().Be(name == "base_model.torchscript", name);
        }
    }

    [Fact]
    public void It_is_saved_with_its_model_and_runs_again_only_where_it_is_trusted()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder["model.safetensors"];
        using var model = Build();
        new Trainer(model, new() { Epochs = 1 }).Fit([new TensorSource("gray", rand(12, 1, 8, 8), arange(12) % 4)]);
        model.eval();
        model.Save(path);

        var untrusted = () => MultiInputModel.Load(path, CPU);
        untrusted.Should().Throw<MultiInputException>().WithMessage("*TorchScript*program*trustTorchScript: true*");
        using var loaded = MultiInputModel.Load(path, CPU, trustTorchScript: true);

        var x = rand(3, 1, 8, 8);
        loaded.forward(x, "gray").ShouldBeSame(model.forward(x, "gray"));
        using var grown = loaded.Grow(builder => builder.Input("more", Inputs.Image(2, 8, 8)).Task("more", Heads.Classification(2)));
        grown.forward(x, "gray").ShouldBeSame(model.forward(x, "gray"));
        grown.Save(path);
        using var again = MultiInputModel.Load(path, CPU, trustTorchScript: true);
        again.forward(x, "gray").ShouldBeSame(model.forward(x, "gray"));
    }

    [Fact]
    public void A_module_that_was_put_in_the_place_of_the_models_own_is_refused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var path = folder["model.safetensors"];
        using var model = Build();
        model.Save(path);
        var (weights, metadata) = Contents(path);

        weights["base_model.torchscript"] = tensor(File.ReadAllBytes(Archive("vector")));
        WeightFile.Write(path, weights, metadata);
        Loading(path).Should().Throw<MultiInputException>().WithMessage("*base_model.torchscript*not the TorchScript module*");

        weights.Remove("base_model.torchscript");
        WeightFile.Write(path, weights, metadata);
        Loading(path).Should().Throw<MultiInputException>().WithMessage("*base_model.torchscript*missing*");

        static Action Loading(string path) => () => MultiInputModel.Load(path, CPU, trustTorchScript: true).Dispose();
    }

    [Fact]
    public void A_description_that_comes_without_its_module_says_so()
    {
        using var scope = NewDisposeScope();
        using var model = Build();

        var read = ModelDescription.FromJson(model.Description.ToJson());

        read.Should().Be(model.Description);
        ((Action)(() => read.Build(CPU))).Should().Throw<MultiInputException>().WithMessage("Base, base: *only the SHA-256*Bases.TorchScript*");
    }

    [Theory]
    [InlineData("base", 5, "* expected input*to have 3 channels, but got 5 channels instead.*true channel count*")]
    [InlineData("vector", 3, "*into (1, 3), which is neither a feature map nor tokens*remove its pooling*")]
    [InlineData("pair", 3, "*returns something other than one tensor*")]
    public void A_module_that_does_not_fit_is_refused(string name, int channels, string message)
    {
        var build = () => MultiInputModel.Define().Input("a", Inputs.Image(4, 8, 8)).Base(Bases.TorchScript(Archive(name), channels))
            .Task("a", Heads.Classification(2)).Build(CPU);

        build.Should().Throw<MultiInputException>().WithMessage(message);
    }

    [Fact]
    public void Parts_for_each_input_are_refused()
    {
        var build = () => MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(Bases.TorchScript(Archive("base")), perInput: PerInput.Statistics)
            .Task("a", Heads.Classification(2)).Build(CPU);

        build.Should().Throw<MultiInputException>().WithMessage("*no batch normalisation*");
    }

    [Fact]
    public void A_file_that_is_none_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["weights.pt"], [1, 2, 3]);
        ((Action)(() => Bases.TorchScript(folder["missing.pt"]))).Should().Throw<MultiInputException>().WithMessage("*missing.pt*");
        var build = () => MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(Bases.TorchScript(folder["weights.pt"])).Task("a", Heads.Classification(2)).Build(CPU);
        build.Should().Throw<MultiInputException>().WithMessage("*cannot be read*torch.jit.save*");
    }

    private static MultiInputModel Build()
    {
        random.manual_seed(1);
        return MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 8, 8))
            .Input("rgb", Inputs.Image(3, 8, 8))
            .Base(Bases.TorchScript(Archive("base")))
            .Task("gray", Heads.Classification(4))
            .Task("rgb", Heads.Classification(4))
            .Build(CPU);
    }

    private static string Archive(string name) => TemporaryFolder.Fixture($"{name}.pt");

    private static Dictionary<string, Tensor> Clone(MultiInputModel model) => model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());

    private static (Dictionary<string, Tensor> Weights, IReadOnlyDictionary<string, string> Metadata) Contents(string path)
    {
        using var file = WeightFile.Open(path);
        return (file.ReadAll(), file.Metadata);
    }
}
