using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>One file is a model: its weights in safetensors, with the description as JSON in the file's metadata.</summary>
internal static class ModelFile
{
    private const string DescriptionKey = "multi_input_net.description";

    public static void Save(MultiInputModel model, string path) =>
        WeightFile.Write(path, model.state_dict(), new Dictionary<string, string> { [DescriptionKey] = model.Description.ToJson() });

    public static MultiInputModel Load(string path, Device? device, IReadOnlyDictionary<string, Delegate>? customModules, bool trustTorchScript, long largestPass)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(largestPass);
        Backend.Load();
        using var file = WeightFile.Open(path);
        if (file.Format != WeightFormat.SafeTensors || !file.Metadata.TryGetValue(DescriptionKey, out var json))
            throw file.Refuse("it holds weights and no model description.", "Give a file that MultiInputModel.Save wrote.");

        var description = ModelDescription.FromJson(json, customModules);
        if (description.Bases.Any(group => group.Spec is TorchScriptSpec))
        {
            if (!trustTorchScript)
            {
                throw file.Refuse(
                    "a base of its model is a TorchScript module, which is a program that this file brings with it.",
                    "If you trust the file, load it with trustTorchScript: true.");
            }

            description = AttachTorchScripts(description, file);
        }

        // A model without more weights than the file has: a description that asks for more makes nothing.
        // What it draws is replaced by the file's weights.
        var model = new MultiInputModel(description, device, file.Entries.Sum(entry => entry.Count), largestPass, seed: 0);
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

    private static ModelDescription AttachTorchScripts(ModelDescription description, WeightFile file)
    {
        return new(description.Inputs, [.. description.Bases.Select(Attach)], description.Tasks, description.Fusion);

        BaseDescription Attach(BaseDescription group)
        {
            if (group.Spec is not TorchScriptSpec spec)
                return group;
            var name = $"{MultiInputModel.KeyOf(group)}.{TorchScriptSpec.ArchiveKey}";
            if (!file.Entries.Any(entry => entry.Name == name && entry.IsReadable && entry.Type == ScalarType.Byte))
                throw file.Refuse($"its TorchScript module '{name}' is missing.");
            using var archive = file.Read(name);
            return group with { Spec = spec.With(archive.data<byte>().ToArray()) ?? throw file.Refuse($"'{name}' is not the TorchScript module that the model was built from.") };
        }
    }
}
