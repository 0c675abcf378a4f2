using Google.Protobuf;
using Google.Protobuf.Collections;
using MultiInputNet.Onnx.Schema;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>
/// Weights trained on ImageNet for <see cref="Bases.ResNet18"/>, from the NuGet package <c>Microsoft.ML.DnnImageFeaturizer.ResNet18</c>
/// (MIT licence), which puts them beside the program that references it. Nothing is downloaded when they are loaded.
/// </summary>
/// <remarks>
/// They are for RGB images normalised with ImageNet's mean and standard deviation, like torchvision's. The package's network has a third
/// block in its last layer, which a ResNet-18 lacks and which is left out: the features are those before it. They are the same where height
/// and width are multiples of 32; the package's network pads other sizes differently, so that some of its maps are smaller.
/// </remarks>
public static class ImageNetWeights
{
    private const string Package = "Microsoft.ML.DnnImageFeaturizer.ResNet18";

    // Those of a ResNet-18 and two in a block at the end.
    private const int Convolutions = 22;

    // ImageNet's standard deviation of red, green and blue, for values from 0 to 255.
    private static readonly float[] deviations = [255 * 0.229f, 255 * 0.224f, 255 * 0.225f];

    // In the order of a node's inputs after its first.
    private static readonly string[] statisticNames = ["weight", "bias", "running_mean", "running_var"];

    /// <summary>The weights of a ResNet-18 without its classifier.</summary>
    /// <param name="path">
    /// The package's file <c>ResNet18.onnx</c>; when null, <c>DnnImageModels/ResNet18Onnx/ResNet18.onnx</c> in the program's folder, where
    /// the package puts it.
    /// </param>
    /// <returns>The tensors by torchvision's names, on the CPU: the state dict of a <see cref="ResNetBase"/>.</returns>
    /// <exception cref="MultiInputException">There is no such file, or it is not that of the package.</exception>
    public static Dictionary<string, Tensor> ResNet18(string? path = null)
    {
        path ??= Path.Combine(AppContext.BaseDirectory, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx");
        if (!File.Exists(path))
        {
            throw new MultiInputException(
                $"file '{path}'", ModelComponent.File, "there is no such file of ImageNet weights.", $"Reference the NuGet package that has it: dotnet add package {Package}.");
        }

        using var file = WeightFile.Open(path);
        using var scope = NewDisposeScope();
        var weights = new Dictionary<string, Tensor>();
        foreach (var ((conv, norm), (kernel, statistics)) in Layers().Zip(ReadLayers(path)))
        {
            weights[$"{conv}.weight"] = file.Read(kernel);
            foreach (var (name, initializer) in statisticNames.Zip(statistics))
                weights[$"{norm}.{name}"] = file.Read(initializer);
            weights[$"{norm}.num_batches_tracked"] = tensor(0L);
        }

        // The package's network takes blue, green and red from 0 to 255, less their means.
        weights["conv1.weight"] = weights["conv1.weight"].flip(1) * tensor(deviations).view(1, -1, 1, 1);
        foreach (var weight in weights.Values)
            weight.MoveToOuterDisposeScope();
        return weights;
    }

    /// <summary>
    /// Loads the weights into every <see cref="Bases.ResNet18"/> of a model, and then adapts its stems, as
    /// <see cref="MultiInputModel.AdaptStems"/> does. Normalisations that an input has for itself start with them too.
    /// </summary>
    /// <param name="model">The model, in which everything else stays as it is.</param>
    /// <param name="path">The package's file, as for <see cref="ResNet18"/>.</param>
    /// <exception cref="MultiInputException">
    /// There is no such file, or it is not that of the package; or the model has no ResNet-18 that takes 3 channels and has batch
    /// normalisation. The model is then unchanged.
    /// </exception>
    public static void LoadImageNetWeights(this MultiInputModel model, string? path = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        var bases = model.Description.Bases.Where(its => its.Spec is ResNetSpec { Depth: 18, Channels: 3, Normalization: Normalization.Batch }).ToArray();
        if (bases.Length == 0)
        {
            throw new MultiInputException(
                "the model",
                ModelComponent.Base,
                $"there are ImageNet weights for a ResNet-18 that takes 3 channels, not for {string.Join(", ", model.Description.Bases.Select(its => its.Spec))}.",
                "Give it the base Bases.ResNet18(); an input with other channels takes Projections.AdaptedStem().");
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var weights = ResNet18(path);
        var targets = model.state_dict();
        foreach (var its in bases)
        {
            var inputs = its.Inputs ?? [.. model.Description.Inputs.Select(input => input.Name).Except(model.Description.Bases.SelectMany(other => other.Inputs ?? []))];
            string[] prefixes = [its.Inputs is null ? "base_model" : $"input_bases.{its.Inputs[0]}", .. inputs.Select(input => $"base_inputs.{input}")];
            foreach (var (prefix, (name, weight)) in prefixes.SelectMany(prefix => weights.Select(pair => (prefix, pair))))
            {
                if (targets.TryGetValue($"{prefix}.{name}", out var target))
                    target.copy_(weight);
            }
        }

        model.AdaptStems();
    }

    /// <summary>Names of convolutions and their normalisations, in the order of the package's graph: a shortcut comes before its block.</summary>
    private static IEnumerable<(string Conv, string Norm)> Layers()
    {
        yield return ("conv1", "bn1");
        for (var layer = 1; layer <= 4; layer++)
        {
            if (layer > 1)
                yield return ($"layer{layer}.0.downsample.0", $"layer{layer}.0.downsample.1");
            for (var block = 0; block < 2; block++)
            {
                yield return ($"layer{layer}.{block}.conv1", $"layer{layer}.{block}.bn1");
                yield return ($"layer{layer}.{block}.conv2", $"layer{layer}.{block}.bn2");
            }
        }
    }

    /// <summary>The initializers of each convolution and of the normalisation after it.</summary>
    private static List<(string Kernel, IEnumerable<string> Statistics)> ReadLayers(string path)
    {
        var nodes = ReadNodes(path);
        var norms = nodes.Where(node => node.OpType == "BatchNormalization" && node.Input.Count == 5).ToLookup(node => node.Input[0]);
        var layers = nodes.Where(node => node.OpType == "Conv" && node.Input.Count == 2 && norms[node.Output[0]].Count() == 1)
            .Select(node => (node.Input[1], norms[node.Output[0]].Single().Input.Skip(1))).ToList();
        return layers.Count == Convolutions ? layers : throw Refuse(path, $"it has {layers.Count} convolutions with batch normalisation, not {Convolutions}.");
    }

    private static RepeatedField<NodeProto> ReadNodes(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return ModelProto.Parser.ParseFrom(stream).Graph?.Node ?? [];
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Refuse(path, $"it is damaged: {e.Message}", e);
        }
    }

    private static MultiInputException Refuse(string path, string problem, Exception? cause = null) =>
        new($"file '{path}'", ModelComponent.File, problem, $"Give the ResNet18.onnx of the NuGet package {Package}.", cause);
}
