using System.Globalization;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A model in one file: its weights as safetensors, with the description as JSON and the version of both in the metadata.
/// </summary>
internal static class ModelFile
{
    internal const string DescriptionKey = "multi_input_net.description";
    internal const string VersionKey = "multi_input_net.version";

    public static void Write(string path, ModelDescription description, IReadOnlyDictionary<string, Tensor> weights) =>
        WeightFile.Write(path, weights, new Dictionary<string, string>
        {
            [VersionKey] = ModelDescription.NewestVersion.ToString(CultureInfo.InvariantCulture),
            [DescriptionKey] = description.ToJson(),
        });

    /// <summary>Reads the description of a file's model.</summary>
    /// <exception cref="MultiInputException">
    /// The file is not a model, is of a newer version, or contains a program that is not trusted.
    /// </exception>
    public static ModelDescription ReadDescription(WeightFile file, IReadOnlyDictionary<string, Delegate>? customModules, bool trustTorchScript)
    {
        // First of all: everything else in a newer file may be different.
        if (FormatVersion.FindMistake(file.Metadata.GetValueOrDefault(VersionKey), ModelDescription.NewestVersion) is var (problem, cure, _))
            throw file.Refuse(problem, cure);
        if (file.Format != WeightFormat.SafeTensors || !file.Metadata.TryGetValue(DescriptionKey, out var json))
            throw file.Refuse("it holds weights but no model description.", "Give a file written by MultiInputModel.Save.");

        var description = ModelDescription.FromJson(json, customModules);
        if (!description.Bases.Any(described => described.Spec is TorchScriptSpec))
            return description;
        return trustTorchScript ? AttachTorchScripts(description, file) : throw file.Refuse(
            "a base of its model is a TorchScript module, which is a program contained in this file.",
            "If you trust the file, load it with trustTorchScript: true.");
    }

    private static ModelDescription AttachTorchScripts(ModelDescription description, WeightFile file)
    {
        return new(description.Inputs, [.. description.Bases.Select(Attach)], description.Tasks, description.Fusion, description.SharesFusion);

        BaseDescription Attach(BaseDescription described)
        {
            if (described.Spec is not TorchScriptSpec spec)
                return described;
            var name = $"{described.Key}.{TorchScriptSpec.ArchiveKey}";
            if (!file.Entries.Any(entry => entry.Name == name && entry.IsReadable && entry.Type == ScalarType.Byte))
                throw file.Refuse($"its TorchScript module '{name}' is missing.");
            using var archive = file.Read(name);
            return described.With(spec.With(archive.Numbers<byte>()) ?? throw file.Refuse($"'{name}' is not the TorchScript module that the model was built from."));
        }
    }
}
