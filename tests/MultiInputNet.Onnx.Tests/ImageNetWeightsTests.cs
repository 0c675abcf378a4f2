using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using MultiInputNet.Onnx.Schema;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace MultiInputNet.Onnx.Tests;

/// <summary>The weights of Microsoft.ML.DnnImageFeaturizer.ResNet18, against ONNX Runtime on its file.</summary>
public sealed class ImageNetWeightsTests
{
    private static readonly string path = Path.Combine(AppContext.BaseDirectory, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");

    // For all tests: the file has 63 MB.
    private static readonly Lazy<byte[]> withoutLastBlock = new(WithoutLastBlock);
    private static readonly Lazy<ResNetBase> sharedBase = new(Base);

    [Theory]
    [InlineData(32, 32)]
    [InlineData(64, 96)]
    [InlineData(96, 96)]
    [InlineData(160, 128)]
    [InlineData(256, 320)]
    [InlineData(224, 224)]
    public void The_features_of_an_image_are_those_of_the_package_s_network_before_its_last_block(int height, int width)
    {
        using var scope = NewDisposeScope();
        using var session = new InferenceSession(withoutLastBlock.Value);
        var image = Image(height, width);

        ShouldBeClose(sharedBase.Value.call(image), Run(session, image));
    }

    [Fact]
    public void An_odd_size_gets_a_larger_map_by_torchvision_s_padding()
    {
        using var scope = NewDisposeScope();
        using var session = new InferenceSession(withoutLastBlock.Value);
        var image = Image(97, 97);

        sharedBase.Value.call(image).shape.Should().Equal(1, 512, 4, 4);
        Run(session, image).shape.Should().Equal(1, 512, 3, 3);
    }

    [Fact]
    public void One_call_gives_them_to_a_model()
    {
        using var scope = NewDisposeScope();
        var weights = ImageNetWeights.ResNet18();
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 64, 64))
            .Input("scan", Inputs.Image(1, 64, 64), Projections.AdaptedStem(StemMethod.Mean))
            .Input("radar", Inputs.Image(2, 64, 64), Projections.AdaptedStem())
            .Input("land", Inputs.Image(6, 64, 64), Projections.AdaptedStem())
            .Input("own", Inputs.Image(3, 64, 64))
            .Base(Bases.ResNet18(), perInput: PerInput.Normalization)
            .Base(Bases.ResNet18(), inputs: ["own"])
            .Fusion(Fusions.GlobalAverage())
            .Task("photo", Heads.Classification(5)).Task("scan", Heads.Classification(5)).Task("radar", Heads.Classification(5))
            .Task("land", Heads.Classification(5)).Task("own", Heads.Classification(5))
            .Build(CPU, seed: 1);
        var before = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());

        model.LoadImageNetWeights();

        var after = model.state_dict();
        foreach (var (name, weight) in weights)
        {
            Equal(after[$"base_model.{name}"], weight).Should().BeTrue(name);
            Equal(after[$"input_bases.own.{name}"], weight).Should().BeTrue(name);
        }

        Equal(after["base_inputs.radar.layer3.0.bn1.weight"], weights["layer3.0.bn1.weight"]).Should().BeTrue("its own normalisation starts with them");
        var first = weights["conv1.weight"];
        after["input_projections.scan.conv.weight"].allclose(first.sum(1, keepdim: true), rtol: 1e-5, atol: 1e-6).Should().BeTrue("a gray image gives what it gives in RGB");
        after["input_projections.radar.conv.weight"].allclose(first[.., ..2] * 1.5, rtol: 1e-5, atol: 1e-6).Should().BeTrue();
        after["input_projections.land.conv.weight"].allclose(cat([first, first], 1) / 2, rtol: 1e-5, atol: 1e-6).Should().BeTrue();
        after.Keys.Where(name => name.StartsWith("output_layers", StringComparison.Ordinal)).Should().OnlyContain(name => Equal(after[name], before[name]));
        after["input_standardizations.photo.mean"].flatten().data<double>().Should().Equal(0.485, 0.456, 0.406);
    }

    [Fact]
    public void A_program_without_the_package_learns_its_name()
    {
        var load = () => ImageNetWeights.ResNet18("no such file");

        load.Should().Throw<MultiInputException>().WithMessage(
            "File 'no such file', file: there is no such file of ImageNet weights. Reference the NuGet package that has it: dotnet add package Microsoft.ML.DnnImageFeaturizer.ResNet18.");
    }

    [Fact]
    public void Other_models_and_files_are_refused()
    {
        using var scope = NewDisposeScope();
        using var wide = Model(Bases.ResNet18(channels: 6));
        using var deep = Model(Bases.ResNet50());
        var loadWide = () => wide.LoadImageNetWeights();
        var loadDeep = () => deep.LoadImageNetWeights();
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, new ModelProto { IrVersion = 7, Graph = new() { Name = "another" } }.ToByteArray());
            var loadOther = () => ImageNetWeights.ResNet18(file);

            loadWide.Should().Throw<MultiInputException>().WithMessage("The model, base: there are ImageNet weights for a ResNet-18 that takes 3 channels, not for ResNetSpec*Channels = 6*");
            loadDeep.Should().Throw<MultiInputException>().WithMessage("*not for ResNetSpec*Depth = 50*Bases.ResNet18()*");
            loadOther.Should().Throw<MultiInputException>().WithMessage("*it has 0 convolutions with batch normalisation, not 22. Give the ResNet18.onnx of the NuGet package *");
        }
        finally
        {
            File.Delete(file);
        }

        static MultiInputModel Model(BaseSpec spec) => MultiInputModel.Define()
            .Input("photo", Inputs.Image(spec.Channels, 32, 32)).Base(spec).Task("photo", Heads.Classification(2)).Build(CPU);
    }

    private static ResNetBase Base()
    {
        var network = new ResNetBase(Bases.ResNet18());
        network.load_state_dict(ImageNetWeights.ResNet18());
        network.eval();
        foreach (var tensor in network.parameters().Concat(network.buffers()))
            tensor.DetachFromDisposeScope(); // the scope is that of the first test
        return network;
    }

    /// <summary>An image normalised as torchvision's are: noise over a gradient, from 0 to 1 before that.</summary>
    private static Tensor Image(int height, int width)
    {
        var noise = rand([1, 3, height, width], generator: new Generator(5));
        var image = (noise + linspace(0, 1, height).view(1, 1, -1, 1) + linspace(1, 0, width).view(1, 1, 1, -1)) / 3;
        return (image - tensor([0.485f, 0.456f, 0.406f]).view(1, 3, 1, 1)) / Deviation();
    }

    private static Tensor Deviation() => tensor([0.229f, 0.224f, 0.225f]).view(1, 3, 1, 1);

    /// <summary>Runs the package's network, which takes blue, green and red from 0 to 255 less their means.</summary>
    private static Tensor Run(InferenceSession session, Tensor image)
    {
        var pixels = (image * Deviation() * 255).flip(1).contiguous();
        var shape = pixels.shape.Select(size => (int)size).ToArray();
        using var results = session.Run([NamedOnnxValue.CreateFromTensor(session.InputNames[0], new DenseTensor<float>(pixels.data<float>().ToArray(), shape))]);
        var result = results[0].AsTensor<float>();
        return tensor(result.ToArray()).view([.. result.Dimensions.ToArray().Select(size => (long)size)]);
    }

    /// <summary>The package's network for any size of image, up to the map before its last block.</summary>
    private static byte[] WithoutLastBlock()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        model.Graph.Node.Select(node => node.OpType).TakeLast(9).Should().Equal("Relu", "Conv", "BatchNormalization", "Relu", "Conv", "BatchNormalization", "Add", "Relu", "AveragePool");
        while (model.Graph.Node[^1].OpType != "Relu" || model.Graph.Node[^1].Output[0] != "ReLU379_Output_0")
            model.Graph.Node.RemoveAt(model.Graph.Node.Count - 1);
        var unused = model.Graph.Initializer.ExceptBy(model.Graph.Node.SelectMany(node => node.Input), initializer => initializer.Name).ToList();
        unused.ForEach(initializer => model.Graph.Initializer.Remove(initializer));
        model.Graph.ValueInfo.Clear();
        model.Graph.Output[0].Name = "ReLU379_Output_0";
        model.Graph.Output[0].Type.TensorType.Shape = null;
        model.Graph.Input.Single(input => input.Name == model.Graph.Node[0].Input[0]).Type.TensorType.Shape = null;
        return model.ToByteArray();
    }

    private static void ShouldBeClose(Tensor found, Tensor expected)
    {
        found.shape.Should().Equal(expected.shape);
        ((found - expected).abs().max() / expected.abs().max()).item<float>().Should().BeLessThan(1e-5f);
        found.allclose(expected, rtol: 1e-4, atol: 1e-4).Should().BeTrue();
    }

    private static bool Equal(Tensor one, Tensor other) => one.eq(other).all().ToBoolean();
}
