namespace MultiInputNet.Weights;

/// <summary>
/// Reads what PyTorch's <c>torch.save</c> has written since version 1.6: a zip archive with a pickle, <c>data.pkl</c>, and an entry with
/// the bytes of each storage, <c>data/0</c> and so on.
/// </summary>
internal static class TorchArchive
{
    private const int LargestPickle = 64 << 20;
    private const string Pickle = "/data.pkl";

    /// <summary>Whether a file begins like a zip archive.</summary>
    public static bool Recognises(FileBytes file)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(file.Length, 2)];
        file.Read(0, start);
        return start.StartsWith("PK"u8);
    }

    /// <summary>Reads what a file lists.</summary>
    /// <param name="file">The file.</param>
    /// <param name="key">The key of the state dict; searched for when null.</param>
    /// <param name="choose">Chooses among several state dicts.</param>
    /// <returns>The entries of the state dict.</returns>
    public static WeightContent Read(FileBytes file, string? key, StateChoice? choose)
    {
        var entries = ZipDirectory.Read(file);
        var pickles = entries.Keys.Where(name => name.IndexOf('/', StringComparison.Ordinal) + Pickle.Length == name.Length && name.EndsWith(Pickle, StringComparison.Ordinal)).ToArray();
        if (pickles.Length != 1)
            throw file.Refuse("it is a zip archive not written by torch.save: its only folder has no data.pkl.");
        var folder = pickles[0][..^Pickle.Length];
        if (entries.Keys.Any(name => name == $"{folder}/constants.pkl" || name.StartsWith($"{folder}/code/", StringComparison.Ordinal)))
        {
            throw file.Refuse(
                "it is a TorchScript program, which holds code, not only weights.",
                "Save its weights in Python: torch.save(torch.jit.load(path).state_dict(), new_path).");
        }

        if (entries.TryGetValue($"{folder}/byteorder", out var order) && order.Length == 3)
            throw file.Refuse("its values are big-endian, which is not supported.", "Save it on a little-endian machine.");
        var pickle = Plain(file, pickles[0], entries[pickles[0]]);
        if (pickle.Length > LargestPickle)
            throw file.Refuse($"its pickle of {pickle.Length:N0} bytes is larger than {LargestPickle:N0}.", "Save only the state dict.");

        var storages = new Dictionary<string, Storage>();
        var bytes = file.Read(pickle.Position, pickle.Length);
        var content = TorchPickle.Read(file, bytes, 0, FindStorage);
        if (content.End != bytes.Length)
            throw file.Refuse("its pickle is damaged: something is left over at its end.");
        return TorchState.Read(file, content, key, choose);

        Storage FindStorage(string storageKey, StoredType type, long count)
        {
            if (!entries.TryGetValue($"{folder}/data/{storageKey}", out var entry))
                throw file.Refuse($"its storage '{storageKey}' is missing.", "It is damaged: copy it again.");
            var length = Plain(file, storageKey, entry).Length;
            if (count < 0 || count > length / type.Size)
                throw file.Refuse($"its storage '{storageKey}' has {length:N0} bytes, too few for {count:N0} values of type {type.Given}.");
            if (!storages.TryGetValue(storageKey, out var storage))
                storages.Add(storageKey, storage = new(entry.Position, count, type));
            else if (storage.Type != type || storage.Count != count)
                throw file.Refuse($"its storage '{storageKey}' is of type {storage.Type.Given} and of type {type.Given}, or of two lengths.");
            return storage;
        }
    }

    private static ZipEntry Plain(FileBytes file, string name, ZipEntry entry) => entry.IsPlain
        ? entry
        : throw file.Refuse($"its entry '{name}' is compressed or encrypted, which torch.save never does.", "Write it with torch.save.");
}
