using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>One file is a model: its weights in safetensors, with the description as JSON in the file's metadata.</summary>
internal static class ModelFile
{
    private const string DescriptionKey = "multi_input_net.description";

    public static void Save(MultiInputModel model, string path) =>
        WeightFile.Write(path, model.state_dict(), new Dictionary<string, string> { [DescriptionKey] = model.Description.ToJson() });

    public static MultiInputModel Load(string path, Device? device, IReadOnlyDictionary<string, Delegate>? customModules)
    {
        using var file = WeightFile.Open(path);
        if (file.Format != WeightFormat.SafeTensors || !file.Metadata.TryGetValue(DescriptionKey, out var json))
            throw file.Refuse("it holds weights and no model description.", "Give a file that MultiInputModel.Save wrote.");

        // A model without more weights than the file has: a description that asks for more makes nothing.
        var model = new MultiInputModel(ModelDescription.FromJson(json, customModules), device, file.Entries.Sum(entry => entry.Count));
        try
        {
            model.LoadWeights(file, new LoadOptions { StripPrefix = "" });
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
