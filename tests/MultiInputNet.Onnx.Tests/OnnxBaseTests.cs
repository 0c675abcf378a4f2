using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>Bases made from ONNX files compute what ONNX Runtime computes with the file, and are bases like all others.</summary>
public sealed class OnnxBaseTests
{
    /// <summary>The default end of each file's base is the last value before its classifier.</summary>
    [Theory]
    [InlineData("resnet", "/layer4/layer4.0/relu_1/Relu_output_0", 64, 71)]
    [InlineData("resnet_training", "/layer4/layer4.0/relu_1/Relu_output_0", 64, 71)]
    [InlineData("mobilenet_v3", "/features/features.5/features.5.2/Mul_output_0", 64, 71)]
    [InlineData("efficientnet", "/features/features.4/features.4.2/Mul_output_0", 64, 71)]
    [InlineData("convnext", "/features/features.5/features.5.0/Add_output_0", 64, 71)]
    [InlineData("vit", "/encoder/ln/Add_1_output_0", 32, 32)]
    [InlineData("densenet", "/Relu_output_0", 64, 71)]
    [InlineData("shufflenet", "/conv5/conv5.2/Relu_output_0", 64, 71)]
    [InlineData("windows", "/Div_2_output_0", 64, 71)]
    [InlineData("same_padding", "p1", 64, 71)]
    [InlineData("opset8", "sub", 64, 71)]
    public void A_base_gives_what_ONNX_Runtime_gives_before_the_classifier(string name, string last, int size, int other)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        random.manual_seed(1);
        using var model = OnnxModels.Build(Bases.Onnx(OnnxModels.PathOf(name)), size);
        model.eval();

        foreach (var (batch, side) in new[] { (1, size), (3, size), (2, other) })
        {
            var x = randn(batch, 3, side, side + (size == other ? 0 : 4));
            var expected = OnnxModels.Compute(OnnxModels.PathOf(name), last, x, channelsLast: name == "same_padding");
            OnnxModels.Difference(OnnxModels.BaseOf(model).call(x), expected).Should().BeLessThan(1e-5);
        }
    }

    /// <summary>The file of Microsoft.ML.DnnImageFeaturizer.ResNet18: opset 8, with padding that differs between the sides of a map.</summary>
    [Fact]
    public void A_network_trained_on_ImageNet_gives_what_ONNX_Runtime_gives()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var path = Path.Combine(AppContext.BaseDirectory, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");
        using var model = OnnxModels.Build(Bases.Onnx(path), 64);
        model.eval();
        foreach (var (batch, size) in new[] { (2, 64), (1, 97) })
        {
            var x = rand(batch, 3, size, size) * 255 - 110;
            OnnxModels.Difference(OnnxModels.BaseOf(model).call(x), OnnxModels.Compute(path, "ReLU393_Output_0", x)).Should().BeLessThan(1e-5);
        }
    }

    [Theory]
    [InlineData("/layer2/layer2.0/relu_1/Relu_output_0")]
    [InlineData("/layer2/layer2.0/relu_1/Relu")]
    public void A_base_ends_where_its_user_says(string until)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxModels.Build(Bases.Onnx(OnnxModels.PathOf("resnet"), until), 64);
        model.eval();
        var x = randn(2, 3, 64, 64);

        OnnxModels.Difference(OnnxModels.BaseOf(model).call(x), OnnxModels.Compute(OnnxModels.PathOf("resnet"), "/layer2/layer2.0/relu_1/Relu_output_0", x)).Should().BeLessThan(1e-5);
        OnnxModels.BaseOf(model).parameters().Sum(parameter => parameter.numel()).Should().BeLessThan(10_000, "later weights are left out");
    }

    [Fact]
    public void A_saved_model_is_loaded_without_its_file_and_gives_the_same_to_the_bit()
    {
        using var scope = NewDisposeScope();
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var file = Path.Combine(folder.FullName, "model.onnx");
            File.Copy(OnnxModels.PathOf("vit"), file);
            using var model = OnnxModels.Build(Bases.Onnx(file), 32);
            model.eval();
            var x = randn(3, 3, 32, 32);
            var expected = model.forward(x, "image");
            var path = Path.Combine(folder.FullName, "model.safetensors");
            model.Save(path);
            File.Delete(file);

            using var loaded = MultiInputModel.Load(path, CPU);

            loaded.eval();
            loaded.Description.Should().Be(model.Description);
            loaded.forward(x, "image").bytes.SequenceEqual(expected.bytes).Should().BeTrue();
            ModelDescription.FromJson(model.Description.ToJson()).Should().Be(model.Description);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("resnet")]
    [InlineData("resnet_training")]
    [InlineData("convnext")]
    [InlineData("vit")]
    public void Training_changes_every_weight_of_the_base_unless_it_is_frozen(string name)
    {
        using var scope = NewDisposeScope();
        using var model = OnnxModels.Build(Bases.Onnx(OnnxModels.PathOf(name)), 32);
        var source = new TensorSource("image", randn(8, 3, 32, 32), arange(8) % 4) { BatchSize = 4 };
        var before = State(model);

        model.Freeze(Parts.Base);
        new Trainer(model, new() { Epochs = 1 }).Fit([source]);
        var frozen = State(model);
        model.Unfreeze(Parts.Base);
        new Trainer(model, new() { Epochs = 1 }).Fit([source]);

        var parameters = OnnxModels.BaseOf(model).named_parameters().Select(pair => pair.name).ToHashSet();
        parameters.Should().NotBeEmpty();
        foreach (var (key, value) in State(model))
        {
            value.bytes.SequenceEqual(frozen[key].bytes).Should().Be(false, key);
            frozen[key].bytes.SequenceEqual(before[key].bytes).Should().Be(true, key);
        }

        Dictionary<string, Tensor> State(MultiInputModel model) => OnnxModels.BaseOf(model).state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.contiguous().clone());
    }

    [Fact]
    public void Weights_have_the_names_that_their_exporter_kept()
    {
        using var model = OnnxModels.Build(Bases.Onnx(OnnxModels.PathOf("resnet_training")), 32);

        model.state_dict().Keys.Should().Contain(
            "base_model.conv1.weight", "base_model.bn1.running_mean", "base_model.layer2_0_downsample_1.bias", "base_model.layer4_0_conv2.weight");
    }

    [Fact]
    public void Each_input_can_have_its_own_normalisations()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 32, 32)).Input("radar", Inputs.Image(3, 32, 32))
            .Base(Bases.Onnx(OnnxModels.PathOf("resnet_training")), perInput: PerInput.Normalization).Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(4)).Task("radar", Heads.Classification(4)).Build(CPU);
        TensorSource Source(string input, double mean) => new(input, randn(8, 3, 32, 32) + mean, arange(8) % 4) { BatchSize = 4 };
        var shared = OnnxModels.BaseOf(model).state_dict()["bn1.running_mean"].clone();

        new Trainer(model, new() { Epochs = 1 }).Fit([Source("photo", 0), Source("radar", 5)]);

        var means = model.state_dict().Where(pair => pair.Key.EndsWith(".bn1.running_mean", StringComparison.Ordinal) && !pair.Key.StartsWith("base_model", StringComparison.Ordinal)).ToArray();
        means.Should().HaveCount(2);
        (means[0].Value - means[1].Value).abs().max().ToDouble().Should().BeGreaterThan(0.1);
        OnnxModels.BaseOf(model).state_dict()["bn1.running_mean"].bytes.SequenceEqual(shared.bytes).Should().BeTrue();
    }

    [Fact]
    public void Its_first_convolution_is_adapted_to_other_bands()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("bands", Inputs.Image(5, 64, 64), Projections.AdaptedStem())
            .Base(Bases.Onnx(OnnxModels.PathOf("resnet"))).Fusion(Fusions.GlobalAverage()).Task("bands", Heads.Classification(4)).Build(CPU);

        model.forward(randn(2, 5, 64, 64), "bands").shape.Should().Equal(2, 4);
        model.state_dict().Keys.Should().Contain(key => key.StartsWith("input_projections", StringComparison.Ordinal) || key.Contains("stem", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("resnet", PerInput.Nothing, 64)]
    [InlineData("resnet_training", PerInput.Normalization, 64)]
    [InlineData("mobilenet_v3", PerInput.Nothing, 64)]
    [InlineData("convnext", PerInput.Nothing, 64)]
    [InlineData("vit", PerInput.Nothing, 32)]
    [InlineData("shufflenet", PerInput.Nothing, 64)]
    [InlineData("windows", PerInput.Nothing, 64)]
    public void A_model_is_exported_again(string name, PerInput perInput, int size)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = OnnxModels.Build(Bases.Onnx(OnnxModels.PathOf(name)), size, perInput);
        model.eval();
        var path = Path.GetTempFileName();
        try
        {
            model.ExportOnnx(path);
            foreach (var batch in new[] { 1, 3 })
            {
                var x = randn(batch, 3, size, size);
                OnnxModels.Difference(OnnxModels.Compute(path, "image_probabilities", x), model.forward(x, "image").softmax(1)).Should().BeLessThan(1e-5);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static void Refused(string path, string message, string? until = null, int? channels = null) =>
        FluentActions.Invoking(() => Bases.Onnx(path, until, channels)).Should().Throw<MultiInputException>().WithMessage(message);

    [Fact]
    public void What_is_not_there_is_named()
    {
        Refused(OnnxModels.PathOf("resnet"), "*no node or value 'layer9'*'/Flatten_output_0', 'classes'*", until: "layer9");
        Refused(OnnxModels.PathOf("missing"), "File *missing.onnx*cannot be read as an ONNX model*");
    }
}
