using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>One file is a model: its weights in safetensors, with the description as JSON in the file's metadata.</summary>
internal static class ModelFile
{
    private const string DescriptionKey = "multi_input_net.description";

    public static void Save(MultiInputModel model, string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        SafeTensors.Write(path, model.state_dict(), new Dictionary<string, string> { [DescriptionKey] = model.Description.ToJson() });
    }

    public static MultiInputModel Load(string path, Device? device, IReadOnlyDictionary<string, Delegate>? customModules)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var (metadata, tensors) = Read(path);
        try
        {
            if (!metadata.TryGetValue(DescriptionKey, out var json))
                throw Damaged(path, "it holds weights and no model description.", "Give a file that MultiInputModel.Save wrote.");

            // A model without more weights than the file has: a description that asks for more makes nothing.
            var model = new MultiInputModel(ModelDescription.FromJson(json, customModules), device, tensors.Values.Sum(tensor => tensor.numel()));
            try
            {
                CopyWeights(path, tensors, model);
                model.eval();
                return model;
            }
            catch
            {
                model.Dispose();
                throw;
            }
        }
        finally
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
        }
    }

    private static void CopyWeights(string path, Dictionary<string, Tensor> tensors, MultiInputModel model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var targets = model.state_dict();
        if (targets.Keys.Except(tensors.Keys).FirstOrDefault() is { } missing)
            throw Damaged(path, $"weight '{missing}' is missing.", "The file is damaged, or from a module of your own that has changed.");
        if (tensors.Keys.Except(targets.Keys).FirstOrDefault() is { } unexpected)
            throw Damaged(path, $"weight '{unexpected}' has no place in the model.", "The file is damaged, or from a module of your own that has changed.");
        foreach (var (name, target) in targets)
        {
            if (!target.shape.SequenceEqual(tensors[name].shape))
            {
                throw Damaged(
                    path,
                    $"weight '{name}' has shape {Shapes.Text(tensors[name].shape)} and the model needs {Shapes.Text(target.shape)}.",
                    "The file is damaged, or from a module of your own that has changed.");
            }
        }

        foreach (var (name, target) in targets)
            target.copy_(tensors[name]);
    }

    private static (Dictionary<string, string> Metadata, Dictionary<string, Tensor> Tensors) Read(string path)
    {
        try
        {
            return SafeTensors.Read(path);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException($"file '{path}'", ModelStage.File, e.Message, "Give a file that MultiInputModel.Save wrote.", e);
        }
    }

    private static MultiInputException Damaged(string path, string problem, string cure) => new($"file '{path}'", ModelStage.File, problem, cure);
}
