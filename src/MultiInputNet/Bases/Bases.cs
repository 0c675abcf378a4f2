using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The bases that a model can have.</summary>
public static class Bases
{
    /// <summary>The bases of published families by torchvision's names, such as <c>resnet50</c>.</summary>
    public static IReadOnlyDictionary<string, ImageBaseSpec> Published { get; } = new OrderedDictionary<string, ImageBaseSpec>
    {
        ["resnet18"] = ResNet18(),
        ["resnet34"] = ResNet34(),
        ["resnet50"] = ResNet50(),
        ["resnet101"] = ResNet101(),
        ["mobilenet_v3_small"] = MobileNetV3Small(),
        ["mobilenet_v3_large"] = MobileNetV3Large(),
        ["efficientnet_b0"] = EfficientNetB0(),
        ["efficientnet_b1"] = EfficientNetB1(),
        ["efficientnet_b2"] = EfficientNetB2(),
        ["convnext_tiny"] = ConvNeXtTiny(),
        ["vit_b_16"] = ViTB16(),
        ["vit_s_16"] = ViTS16(),
    };

    /// <summary>The small convolutional base. See <see cref="ConvNetBase"/>; further options with <c>with { ... }</c>.</summary>
    /// <param name="channels">The number of channels that it takes; every input is projected to them.</param>
    /// <param name="widths">The channels of each stage; without any, 64 and 128.</param>
    /// <returns>The description.</returns>
    public static ConvNetSpec ConvNet(int channels, params IReadOnlyList<int> widths)
    {
        ArgumentNullException.ThrowIfNull(widths);
        return widths.Count == 0 ? new(channels) : new(channels) { Widths = widths };
    }

    /// <summary>ResNet-18, with the weight names of torchvision's <c>resnet18</c>. See <see cref="ResNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static ResNetSpec ResNet18(int channels = 3) => new(channels);

    /// <summary>ResNet-34, with the weight names of torchvision's <c>resnet34</c>. See <see cref="ResNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static ResNetSpec ResNet34(int channels = 3) => new(channels) { Depth = 34 };

    /// <summary>ResNet-50, with the weight names of torchvision's <c>resnet50</c>. See <see cref="ResNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static ResNetSpec ResNet50(int channels = 3) => new(channels) { Depth = 50 };

    /// <summary>ResNet-101, with the weight names of torchvision's <c>resnet101</c>. See <see cref="ResNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static ResNetSpec ResNet101(int channels = 3) => new(channels) { Depth = 101 };

    /// <summary>MobileNetV3 small, with the weight names of torchvision's <c>mobilenet_v3_small</c>. See <see cref="MobileNetV3Base"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static MobileNetV3Spec MobileNetV3Small(int channels = 3) => new(channels);

    /// <summary>MobileNetV3 large, with the weight names of torchvision's <c>mobilenet_v3_large</c>. See <see cref="MobileNetV3Base"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static MobileNetV3Spec MobileNetV3Large(int channels = 3) => new(channels) { Large = true };

    /// <summary>EfficientNet-B0, with the weight names of torchvision's <c>efficientnet_b0</c>. See <see cref="EfficientNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static EfficientNetSpec EfficientNetB0(int channels = 3) => new(channels);

    /// <summary>EfficientNet-B1, with the weight names of torchvision's <c>efficientnet_b1</c>. See <see cref="EfficientNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static EfficientNetSpec EfficientNetB1(int channels = 3) => new(channels) { Variant = 1 };

    /// <summary>EfficientNet-B2, with the weight names of torchvision's <c>efficientnet_b2</c>. See <see cref="EfficientNetBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static EfficientNetSpec EfficientNetB2(int channels = 3) => new(channels) { Variant = 2 };

    /// <summary>ConvNeXt-Tiny, with the weight names of torchvision's <c>convnext_tiny</c>. See <see cref="ConvNeXtBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static ConvNeXtSpec ConvNeXtTiny(int channels = 3) => new(channels);

    /// <summary>The vision transformer ViT-B/16, with the weight names of torchvision's <c>vit_b_16</c>. See <see cref="VisionTransformerBase"/>.</summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static VisionTransformerSpec ViTB16(int channels = 3) => new(channels);

    /// <summary>
    /// The small vision transformer ViT-S/16 (Touvron et al., 2021: DeiT-S), with the names of torchvision's <c>vit_b_16</c>. See
    /// <see cref="VisionTransformerBase"/>.
    /// </summary>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <returns>The description.</returns>
    public static VisionTransformerSpec ViTS16(int channels = 3) => new(channels) { Width = 384, Heads = 6 };

    /// <summary>
    /// A TorchScript module, as written by PyTorch's <c>torch.jit.save</c>, that takes and returns a feature map. It is trained like any
    /// base and saved with the model.
    /// </summary>
    /// <remarks>
    /// A TorchScript file is a program, which libtorch runs: use only files that you trust. It must have the precision in which it is to be
    /// used: converting a model converts the module's integers too, and it cannot be loaded again once it is saved.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <param name="channels">The number of channels that the module takes.</param>
    /// <returns>The description.</returns>
    /// <exception cref="MultiInputException">The file cannot be read.</exception>
    public static BaseSpec TorchScript(string path, int channels = 3)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        try
        {
            return TorchScriptSpec.Of(RegularFile.ReadAllBytes(path), channels);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException($"file '{path}'", ModelComponent.File, e.Message, "Give a TorchScript file that can be read.", e);
        }
    }

    /// <summary>
    /// A base made of the nodes of a graph, such as that of an ONNX file. It is trained, frozen and saved like any base; the description's
    /// JSON has the nodes, and the weights are in the model's file.
    /// </summary>
    /// <remarks>
    /// Operations have the names, inputs and attributes of ONNX's newest version, with one result each. Those with a weight have its shape,
    /// <see cref="GraphNode.Shape"/>: <c>Conv</c> (with a <c>bias</c> of 0 or 1), <c>Linear</c> (a matrix of outputs and inputs, and a
    /// <c>bias</c>), <c>BatchNormalization</c>, <c>LayerNormalization</c>, <c>GroupNormalization</c> and <c>PRelu</c>. Values are
    /// <c>Parameter</c>, which is trained, <c>Buffer</c>, which is not, and <c>Constant</c>, whose <c>value</c> is in the description.
    /// Attributes that are words in ONNX are numbers: types as ONNX numbers them, of which there are 1 (float), 7 (int64) and 9 (bool);
    /// <c>auto_pad</c> 1 for SAME_UPPER and 2 for SAME_LOWER; <c>mode</c> of <c>Pad</c> 1 to reflect and 2 for the edge.
    /// </remarks>
    /// <param name="channels">The number of channels that it takes.</param>
    /// <param name="nodes">The nodes, each after those whose results it takes; the last one's result is the base's.</param>
    /// <param name="weights">
    /// Values of weights by their names in the base's <c>state_dict</c>, such as <c>conv1.weight</c>; those without any start as torch's do.
    /// </param>
    /// <param name="largestPass">
    /// For nodes that are not trusted: as for <see cref="MultiInputModel.Load"/>, when a model is built. Default: any number.
    /// </param>
    /// <returns>The description.</returns>
    public static BaseSpec Graph(
        int channels, IReadOnlyList<GraphNode> nodes, IReadOnlyDictionary<string, float[]>? weights = null, long largestPass = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(largestPass);
        return new GraphSpec(channels, [.. nodes]) { Values = weights ?? new Dictionary<string, float[]>(), Allowed = largestPass };
    }

    /// <summary>A module of your own that takes a feature map and returns one, or tokens, <c>(batch, tokens, channels)</c>.</summary>
    /// <param name="name">Its name in the description's JSON.</param>
    /// <param name="channels">The number of channels that the module takes.</param>
    /// <param name="factory">Creates a new module, once for each model that is built.</param>
    /// <returns>The description.</returns>
    public static BaseSpec From(string name, int channels, Func<nn.Module<Tensor, Tensor>> factory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(factory);
        return new CustomBaseSpec(name, channels) { Factory = factory };
    }

    /// <summary>An existing module. It can be built into one model only, which owns it from then on.</summary>
    /// <param name="module">The module.</param>
    /// <param name="channels">The number of channels that the module takes.</param>
    /// <returns>The description.</returns>
    public static BaseSpec From(nn.Module<Tensor, Tensor> module, int channels)
    {
        ArgumentNullException.ThrowIfNull(module);
        var used = false;
        return From(module.GetType().Name, channels, () => used
            ? throw new InvalidOperationException(
                "This module already belongs to a model; give Bases.From a factory to build several models from one description.")
            : Use());

        nn.Module<Tensor, Tensor> Use()
        {
            used = true;
            return module;
        }
    }
}
