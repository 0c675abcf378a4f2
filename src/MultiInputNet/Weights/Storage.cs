using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>Consecutive values of one type in a file. Several tensors may be views of one storage.</summary>
/// <param name="position">The position of its first byte in the file.</param>
/// <param name="count">The number of values.</param>
/// <param name="type">Their type.</param>
/// <param name="elsewhere">The file that they are in, if it is not the one that lists them.</param>
internal class Storage(long position, long count, StoredType type, FileBytes? elsewhere = null)
{
    // A span of bytes holds less than 2 GB, so larger storages are read in parts; converting them takes additional memory.
    private const long LargestPart = 1L << 30;
    private const long LargestConverted = 1L << 24;

    private readonly Dictionary<StoredType, Storage> retyped = [];

    public long Count => count;

    public StoredType Type => type;

    /// <summary>The same bytes as values of another type; equal requests return the same storage.</summary>
    public Storage As(StoredType other)
    {
        if (!retyped.TryGetValue(other, out var storage))
            retyped.Add(other, storage = new(position, count * type.Size / other.Size, other, elsewhere));
        return storage;
    }

    /// <summary>Sets where it begins: PyTorch's old format tells that only after the tensors.</summary>
    public void Place(long start)
    {
        position = start;
        foreach (var storage in retyped.Values)
            storage.Place(start);
    }

    /// <summary>
    /// Reads some of the values into a new tensor of one dimension on the CPU; null if the tensor's type cannot hold one of them.
    /// </summary>
    public virtual Tensor? Read(FileBytes file, long first, long length)
    {
        using var scope = NewDisposeScope();
        var values = empty([length], type.Given, CPU);
        var most = (type.Convert is null ? LargestPart : LargestConverted) / type.Size;
        for (var start = 0L; start < length; start += most)
        {
            using var inner = NewDisposeScope();
            var part = values.narrow(0, start, Math.Min(most, length - start));
            var raw = type.Convert is null ? part : empty(part.shape, type.Raw, CPU);
            (elsewhere ?? file).Read(position + (first + start) * type.Size, raw.bytes);
            if (type.Convert is null)
                continue;
            if (type.Convert(raw) is not { } converted)
                return null;
            part.copy_(converted);
        }

        return values.MoveToOuterDisposeScope();
    }
}
