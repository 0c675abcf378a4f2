using System.Buffers.Binary;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads what <c>torch.save</c> wrote before version 1.6, and still writes with <c>_use_new_zipfile_serialization=False</c>: pickles of a
/// magic number, the format's version, the machine, the content and the keys of its storages, followed by each storage as the
/// number of its values and their bytes.
/// </summary>
internal static class TorchLegacyFile
{
    private const int LargestPickles = 64 << 20;
    private const long Version = 1001;

    // LONG1 of 10 bytes, after the protocol and, from protocol 4 on, the length of a frame.
    private static readonly byte[] Mark = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19];

    /// <summary>Whether a file begins with the magic number; rejects PyTorch's first format, a tar archive.</summary>
    public static bool Recognises(FileBytes file)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(file.Length, 262)];
        file.Read(0, start);
        if (start.Length == 262 && start[257..].SequenceEqual("ustar"u8))
        {
            throw file.Refuse(
                "it is a tar archive, as PyTorch wrote them before version 0.1.10, which is not supported.",
                "If you trust the file, convert it in Python: torch.save(torch.load(path, map_location='cpu'), new_path).");
        }

        return start is [0x80, ..] && start[..Math.Min(start.Length, 24)].IndexOf(Mark) is 2 or 11;
    }

    /// <summary>Reads what a file lists.</summary>
    /// <param name="file">The file.</param>
    /// <param name="key">The key of the state dict; searched for when null.</param>
    /// <param name="choose">Chooses among several state dicts.</param>
    /// <returns>The entries of the state dict.</returns>
    public static WeightContent Read(FileBytes file, string? key, StateChoice? choose)
    {
        var bytes = file.Read(0, Math.Min(file.Length, LargestPickles));
        var storages = new Dictionary<string, Storage>();
        var end = 0;
        Next();
        if (Next().Value is not Version)
            throw file.Refuse($"its version of PyTorch's old format is not {Version}.");
        if (Next().Value is not PickledDictionary machine || machine.Items.Any(item => item is ("little_endian", not true)))
            throw file.Refuse("its values are big-endian, which is not supported.", "Save it on a little-endian machine.");
        var content = Next();
        if (Next().Value is not List<object?> keys)
            throw file.Refuse("it has no list of its storages.");
        Locate(file, storages, keys, end);
        return TorchState.Read(file, content, key, choose);

        Pickled Next()
        {
            var read = TorchPickle.Read(file, bytes, end, FindStorage);
            end = read.End;
            return read;
        }

        Storage FindStorage(string storageKey, StoredType type, long count)
        {
            if (count < 0 || count > file.Length / type.Size)
                throw file.Refuse($"it has {file.Length:N0} bytes, too few for the {count:N0} values of type {type.Given} of its storage '{storageKey}'.");
            if (!storages.TryGetValue(storageKey, out var storage))
                storages.Add(storageKey, storage = new(0, count, type));
            else if (storage.Type != type || storage.Count != count)
                throw file.Refuse($"its storage '{storageKey}' is of type {storage.Type.Given} and of type {type.Given}, or of two lengths.");
            return storage;
        }
    }

    private static void Locate(FileBytes file, Dictionary<string, Storage> storages, List<object?> keys, long position)
    {
        if (!keys.OfType<string>().ToHashSet().SetEquals(storages.Keys) || keys.Count != storages.Count)
            throw file.Refuse("the list of its storages does not match the storages of its tensors.");
        foreach (string key in keys.OfType<string>())
        {
            var storage = storages[key];
            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Read(position, 8L));
            position += 8;
            if (count != storage.Count || count * storage.Type.Size > file.Length - position)
                throw file.Refuse($"its storage '{key}' of {storage.Count:N0} values has {count:N0}, or extends beyond the end of the file.", "It is damaged or truncated: copy it again.");
            storage.Place(position);
            position += count * storage.Type.Size;
        }

        if (position != file.Length)
            throw file.Refuse($"it continues for {file.Length - position:N0} bytes after its last storage.");
    }
}
