using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ImageBaseTests
{
    private static readonly float[] imageNetMean = [0.485f, 0.456f, 0.406f];
    private static readonly float[] imageNetDeviation = [0.229f, 0.224f, 0.225f];

    public static TheoryData<ImageBaseSpec> Specs =>
    [
        Bases.ResNet18() with { Normalization = Normalization.Group },
        Bases.ResNet101(4) with { ImageNetNormalization = false },
        Bases.MobileNetV3Large(),
        Bases.EfficientNetB2() with { StochasticDepth = 0.5 },
        Bases.ConvNeXtTiny() with { Widths = [8, 16], Depths = [1, 2] },
        Bases.ViTS16(channels: 1) with { Depth = 2, Output = TransformerOutput.ClassToken, Dropout = 0.1, AttentionDropout = 0.2, StochasticDepth = 0.3 },
    ];

    [Theory]
    [MemberData(nameof(Specs))]
    public void Its_description_goes_to_json_and_back(ImageBaseSpec spec)
    {
        var description = Model(Inputs.Image(3, 64, 64), spec, Projections.Identity()).Describe();

        var read = ModelDescription.FromJson(description.ToJson());

        read.Should().Be(description);
        read.Bases[0].Spec.Should().BeOfType(spec.GetType());
    }

    [Fact]
    public void An_rgb_image_goes_in_directly_with_the_normalisation_of_ImageNet()
    {
        using var scope = NewDisposeScope();
        using var model = Model(Inputs.Image(3, 32, 32), Bases.MobileNetV3Small()).Build(CPU);
        model.eval();
        var x = rand(2, 3, 32, 32);

        var map = model.forward_features(new Dictionary<string, Tensor> { ["a"] = x })["a"];

        var mean = tensor(imageNetMean).view(3, 1, 1);
        var deviation = tensor(imageNetDeviation).view(3, 1, 1);
        map.ShouldEqual(((SharedBase)model.named_children().First(child => child.name == "base_model").module).call((x - mean) / deviation), 1e-5);
        model.parameters().Sum(p => p.numel()).Should().Be(927_008 + 576 + 1, "there is no projection");
    }

    [Fact]
    public void The_normalisation_of_ImageNet_can_be_replaced_or_switched_off_and_is_for_rgb_that_goes_in_directly()
    {
        var own = Inputs.Image(3, 32, 32) with { Mean = [0, 0, 0.5f], StandardDeviation = [1, 1, 2] };
        Normalises(Inputs.Image(3, 32, 32), Bases.ResNet18()).Should().BeTrue();
        Normalises(Inputs.Image(3, 32, 32), Bases.ResNet18() with { ImageNetNormalization = false }).Should().BeFalse();
        Normalises(Inputs.Image(3, 32, 32), Bases.ResNet18(), Projections.Convolution()).Should().BeFalse();
        Normalises(Inputs.Image(4, 32, 32), Bases.ResNet18()).Should().BeFalse();
        Normalises(Inputs.Image(4, 32, 32), Bases.ResNet18(channels: 4)).Should().BeFalse();
        Normalises(Inputs.Image(3, 32, 32), Bases.ConvNet(3)).Should().BeFalse();
        Normalises(own, Bases.ResNet18()).Should().BeTrue();

        static bool Normalises(InputSpec input, BaseSpec sharedBase, ProjectionSpec? projection = null)
        {
            using var scope = NewDisposeScope();
            using var model = Model(input, sharedBase, projection).Build(CPU);
            var state = model.state_dict();
            return state.TryGetValue("input_standardizations.a.mean", out var mean)
                && mean.data<double>().SequenceEqual(input.Mean ?? [0.485, 0.456, 0.406]);
        }
    }

    [Fact]
    public void A_model_with_it_is_saved_and_loaded()
    {
        using var scope = NewDisposeScope();
        using var model = Model(Inputs.Image(3, 32, 32), Bases.EfficientNetB0()).Build(CPU);
        model.eval();
        var path = Path.GetTempFileName();
        try
        {
            model.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU);
            var x = rand(2, 3, 32, 32);
            loaded.forward(x, "a").ShouldBeSame(model.forward(x, "a"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Small_and_oblong_maps_pass_where_the_layers_are_padded()
    {
        foreach (var spec in new BaseSpec[] { Bases.ResNet18(2), Bases.MobileNetV3Small(2), Bases.EfficientNetB0(2) })
        {
            foreach (var (height, width) in new[] { (1, 1), (3, 3), (8, 8), (33, 70) })
            {
                using var scope = NewDisposeScope();
                using var model = Model(Inputs.Image(4, height, width), spec).Build(CPU);
                var map = model.forward_features(new Dictionary<string, Tensor> { ["a"] = rand(2, 4, height, width) })["a"];
                map.shape[2..].Should().Equal((height + 31) / 32, (width + 31) / 32);
            }
        }
    }

    [Fact]
    public void A_map_that_is_too_small_or_not_whole_patches_is_refused_with_the_sizes_that_fit()
    {
        var small = () => Model(Inputs.Image(3, 31, 40), Bases.ConvNeXtTiny()).Build(CPU);
        var patches = () => Model(Inputs.Image(3, 20, 32), Bases.ViTS16()).Build(CPU);

        small.Should().Throw<MultiInputException>().WithMessage("Input 'a', base:*(1, 3, 31, 40)*ConvNeXt takes maps of 32×32 and larger*");
        patches.Should().Throw<MultiInputException>().WithMessage("Input 'a', base:*(1, 3, 20, 32)*multiples of its patch size, 16*");
    }

    [Fact]
    public void A_vision_transformer_fits_its_positions_to_oblong_maps_and_gives_its_class_token()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var spec = Bases.ViTS16() with { Depth = 2, ImageSize = 64 };
        using var patches = spec.Create();
        using var classToken = (spec with { Output = TransformerOutput.ClassToken }).Create();
        classToken.load_state_dict(patches.state_dict());
        var x = rand(2, 3, 64, 32);

        patches.call(x).shape.Should().Equal(2, 384, 4, 2);
        classToken.call(x).shape.Should().Equal(2, 384, 1, 1);
        var before = classToken.forward_stages(x).SkipLast(1).Last().Value;
        var norm = classToken.Stages[^1].Modules[0];
        ((nn.Module<Tensor, Tensor>)norm).call(before.narrow(1, 0, 1).flatten(1)).ShouldEqual(classToken.call(x).flatten(1), 1e-6);
    }

    [Fact]
    public void Stochastic_depth_leaves_out_whole_samples_and_keeps_the_mean()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var x = ones(20_000, 3, 1, 1);

        var y = Layers.StochasticDepth(x, 0.25, training: true);

        var perSample = y[TensorIndex.Ellipsis, 0, 0];
        (perSample == perSample[TensorIndex.Colon, TensorIndex.Slice(0, 1)]).all().ToBoolean().Should().BeTrue();
        ((y == 0) | ((y - 4.0 / 3).abs() < 1e-6)).all().ToBoolean().Should().BeTrue();
        y.mean().ToDouble().Should().BeApproximately(1, 0.02);
        ReferenceEquals(Layers.StochasticDepth(x, 0.25, training: false), x).Should().BeTrue();
    }

    [Theory]
    [InlineData(0, 0.2)]
    [InlineData(2, 0.4)]
    public void Stochastic_depth_grows_with_the_block_as_in_torchvision(int variant, double last)
    {
        var blocks = variant == 0 ? 16 : 23;
        using var scope = NewDisposeScope();
        using var sharedBase = new EfficientNetBase(Bases.EfficientNetB0() with { Variant = variant, StochasticDepth = last });
        sharedBase.modules().OfType<InvertedResidual>().Select(block => block.StochasticDepth)
            .Should().Equal(Enumerable.Range(0, blocks).Select(i => last * i / blocks), (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void New_weights_have_the_deviations_of_torchvision()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(0);
        using var resnet = Bases.ResNet18().Create();
        using var mobile = Bases.MobileNetV3Large().Create();
        using var convnext = Bases.ConvNeXtTiny().Create();
        using var vit = Bases.ViTS16().Create();

        Deviation(resnet, "layer4.1.conv2.weight").Should().BeApproximately(Math.Sqrt(2.0 / (512 * 9)), 1e-3);
        Deviation(resnet, "layer2.0.downsample.0.weight").Should().BeApproximately(Math.Sqrt(2.0 / 128), 5e-3);
        Deviation(mobile, "features.13.block.1.0.weight").Should().BeApproximately(Math.Sqrt(2.0 / (672 * 25)), 1e-3);
        Deviation(convnext, "features.7.0.block.3.weight").Should().BeApproximately(0.02, 1e-3);
        Deviation(vit, "conv_proj.weight").Should().BeApproximately(Math.Sqrt(1.0 / 768), 1e-3);
        Deviation(vit, "encoder.layers.encoder_layer_3.mlp.0.weight").Should().BeApproximately(Math.Sqrt(2.0 / (5 * 384)), 1e-3);
        Deviation(vit, "encoder.pos_embedding").Should().BeApproximately(0.02, 1e-3);

        static double Deviation(nn.Module module, string name) => module.state_dict()[name].std().ToDouble();
    }

    [Fact]
    public void Mistakes_in_its_numbers_are_named()
    {
        Refused(Bases.ResNet18() with { Depth = 19 }).Should().Contain("its depth is 19. Give 18, 34, 50 or 101.");
        Refused(Bases.EfficientNetB0() with { Variant = 3 }).Should().Contain("its variant is 3.");
        Refused(Bases.EfficientNetB0() with { StochasticDepth = 1 }).Should().Contain("its stochastic depth is 1. Give a probability from 0 to below 1.");
        Refused(Bases.ConvNeXtTiny() with { Depths = [1] }).Should().Contain("its stages have (1) blocks.");
        Refused(Bases.ConvNeXtTiny() with { Widths = [] }).Should().Contain("its stages have widths ().");
        Refused(Bases.ViTB16() with { Heads = 7 }).Should().Contain("it has 7 heads for a width of 768.");
        Refused(Bases.ViTB16() with { ImageSize = 100 }).Should().Contain("Give an image size that is a multiple of the patch size.");
        Refused(Bases.ViTB16(0)).Should().Contain("it takes 0 channels.");
        Refused(Bases.ViTB16() with { Width = 65_536, Heads = 1, Depth = 1_000 }).Should().Contain("the model has more than 10,000,000,000");
        Refused(Bases.ViTB16() with { PatchSize = 1, ImageSize = 65_536 }).Should().Contain("the model has more than 10,000,000,000");

        static string Refused(BaseSpec spec)
        {
            var build = () => Model(Inputs.Image(3, 64, 64), spec).Build(CPU);
            return build.Should().Throw<MultiInputException>().Which.Message;
        }
    }

    /// <summary>The billions of multiplications that torchvision publishes for its models, classifier included.</summary>
    [Theory]
    [InlineData("resnet18", 224, 1.81)]
    [InlineData("resnet34", 224, 3.66)]
    [InlineData("resnet50", 224, 4.09)]
    [InlineData("resnet101", 224, 7.80)]
    [InlineData("mobilenet_v3_small", 224, 0.06)]
    [InlineData("mobilenet_v3_large", 224, 0.22)]
    [InlineData("efficientnet_b0", 224, 0.39)]
    [InlineData("efficientnet_b1", 240, 0.69)]
    [InlineData("efficientnet_b2", 288, 1.09)]
    [InlineData("convnext_tiny", 224, 4.46)]
    [InlineData("vit_b_16", 224, 17.56)]
    public void Its_multiplications_are_those_that_torchvision_publishes(string name, int size, double billions)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var sharedBase = PublishedBaseTests.Specs[name].Create();
        using var probe = new ForwardProbe(sharedBase);
        sharedBase.eval();
        sharedBase.call(zeros(1, 3, size, size));
        (probe.Macs / 1e9).Should().BeApproximately(billions, 0.006);
    }

    private static MultiInputModelBuilder Model(InputSpec input, BaseSpec sharedBase, ProjectionSpec? projection = null) =>
        MultiInputModel.Define().Input("a", input, projection).Base(sharedBase).Fusion(Fusions.GlobalAverage()).Task("a", Heads.Regression(1));
}
