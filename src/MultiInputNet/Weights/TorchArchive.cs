using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads what PyTorch's <c>torch.save</c> writes since version 1.6: a zip archive with a pickle, <c>data.pkl</c>, and the bytes of each
/// storage as an entry of its own, <c>data/0</c> and so on.
/// </summary>
internal static class TorchArchive
{
    private const int LargestPickle = 64 << 20;
    private const string Pickle = "/data.pkl";

    private static readonly string[] UsualKeys = ["state_dict", "model_state_dict", "model"];

    // How torch.save's format before version 1.6 begins: a pickled number.
    private static readonly byte[] LegacyStart = [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19];

    /// <summary>Whether a file begins as a zip archive; refuses PyTorch's format from before it wrote those.</summary>
    public static bool Recognises(FileBytes file)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(file.Length, LegacyStart.Length)];
        file.Read(0, start);
        if (start.SequenceEqual(LegacyStart))
        {
            throw file.Refuse(
                "it is in the format that PyTorch wrote before version 1.6, which is not read.",
                "Where you trust the file, convert it in Python: torch.save(torch.load(path, map_location='cpu'), new_path).");
        }

        return start.StartsWith("PK"u8);
    }

    /// <summary>Reads what a file lists.</summary>
    /// <param name="file">The file.</param>
    /// <param name="key">The key of the state dict; searched for when null.</param>
    /// <returns>The entries of the state dict.</returns>
    public static WeightContent Read(FileBytes file, string? key)
    {
        var entries = ZipDirectory.Read(file);
        var pickles = entries.Keys.Where(name => name.IndexOf('/', StringComparison.Ordinal) + Pickle.Length == name.Length && name.EndsWith(Pickle, StringComparison.Ordinal)).ToArray();
        if (pickles.Length != 1)
            throw file.Refuse("it is a zip archive that torch.save did not write: it has no data.pkl in its one folder.");
        var folder = pickles[0][..^Pickle.Length];
        if (entries.Keys.Any(name => name == $"{folder}/constants.pkl" || name.StartsWith($"{folder}/code/", StringComparison.Ordinal)))
        {
            throw file.Refuse(
                "it is a TorchScript program, which holds code and not weights alone.",
                "Save its weights in Python: torch.save(torch.jit.load(path).state_dict(), new_path).");
        }

        if (entries.TryGetValue($"{folder}/byteorder", out var order) && order.Length == 3)
            throw file.Refuse("its values are big-endian, which is not read.", "Save it on a little-endian machine.");
        var pickle = Plain(file, pickles[0], entries[pickles[0]]);
        if (pickle.Length > LargestPickle)
            throw file.Refuse($"its pickle of {pickle.Length:N0} bytes is larger than {LargestPickle:N0}.", "Save the state dict alone.");

        var storages = new Dictionary<string, Storage>();
        var content = TorchPickle.Read(file, file.Read(pickle.Position, pickle.Length), FindStorage);
        if (content is not PickledDictionary top)
            throw file.Refuse("it holds no dictionary of tensors.", "Save a state dict, in Python: torch.save(model.state_dict(), path).");
        var (foundKey, state) = FindState(file, top, key);
        return new(
            WeightFormat.PyTorch,
            [.. Tensors(state).Select(item => new WeightEntry(file, item.Name, item.Tensor.Storage, item.Tensor.Shape, item.Tensor.Strides, item.Tensor.Offset))],
            Texts(top),
            foundKey);

        Storage FindStorage(string storageKey, ScalarType type, long count)
        {
            if (!entries.TryGetValue($"{folder}/data/{storageKey}", out var entry))
                throw file.Refuse($"its storage '{storageKey}' is missing.", "It is damaged: copy it again.");
            var length = Plain(file, storageKey, entry).Length;
            if (count < 0 || count > length / type.ElementSize())
                throw file.Refuse($"its storage '{storageKey}' has {length:N0} bytes, too few for {count:N0} values of type {type}.");
            if (!storages.TryGetValue(storageKey, out var storage))
                storages.Add(storageKey, storage = new(entry.Position, count, type));
            else if (storage.Type != type || storage.Count != count)
                throw file.Refuse($"its storage '{storageKey}' is of type {storage.Type} and of type {type}, or of two lengths.");
            return storage;
        }
    }

    private static ZipEntry Plain(FileBytes file, string name, ZipEntry entry) => entry.IsPlain
        ? entry
        : throw file.Refuse($"its entry '{name}' is packed or encrypted, as torch.save writes none.", "Write it with torch.save.");

    private static (string? Key, PickledDictionary State) FindState(FileBytes file, PickledDictionary top, string? key)
    {
        var nested = new Dictionary<string, PickledDictionary>();
        foreach (var item in top.Items)
        {
            if (item is (string name, PickledDictionary state) && Tensors(state).Any())
                nested[name] = state;
        }

        var found = key is not null ? [key] : UsualKeys.Where(nested.ContainsKey).Take(1).ToArray();
        if (key is not null && !nested.ContainsKey(key))
            throw file.Refuse($"it has no state dict '{key}'.", Cure("Name one of its state dicts", nested.Keys));
        if (found.Length == 0 && Tensors(top).Any())
            return (null, top);
        if (found.Length == 0)
            found = [.. nested.Keys];
        return found.Length switch
        {
            0 => throw file.Refuse("it holds no state dict: no dictionary with tensors in it.", "Save one, in Python: torch.save(model.state_dict(), path)."),
            1 => (found[0], nested[found[0]]),
            _ => throw file.Refuse($"it holds {found.Length} state dicts.", Cure("Name the one to read as key", found)),
        };
    }

    private static string Cure(string text, IEnumerable<string> keys) =>
        keys.Any() ? $"{text}: {Shapes.Names(keys.Take(10))}." : "Leave the key out, or save a state dict under it.";

    private static IEnumerable<(string Name, PickledTensor Tensor)> Tensors(PickledDictionary dictionary) =>
        dictionary.Items.Where(item => item is (string, PickledTensor)).Select(item => ((string)item.Key!, (PickledTensor)item.Value!));

    private static Dictionary<string, string> Texts(PickledDictionary dictionary)
    {
        var texts = new Dictionary<string, string>();
        foreach (var (key, value) in dictionary.Items)
        {
            if (key is string name && value is string or long or double or bool)
                texts[name] = Convert.ToString(value, CultureInfo.InvariantCulture)!;
        }

        return texts;
    }
}
