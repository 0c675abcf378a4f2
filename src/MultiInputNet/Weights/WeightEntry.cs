using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>A tensor of a <see cref="WeightFile"/>, not yet read.</summary>
public sealed class WeightEntry
{
    private const int LongestName = 1_000;
    private const int MostDimensions = 64;

    private readonly FileBytes file;
    private readonly Storage? storage;
    private readonly string? oddity;
    private readonly long[] shape;
    private readonly long[] strides;
    private readonly long offset;
    private readonly long extent;

    /// <summary>Checks that the tensor lies within its storage, so that it takes no more memory than the file.</summary>
    /// <param name="file">The file, for messages.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="storage">The storage, which lies within the file.</param>
    /// <param name="shape">The sizes.</param>
    /// <param name="strides">The step of each dimension, in values; those of a contiguous tensor when null.</param>
    /// <param name="offset">The number of values in the storage before the first of the tensor.</param>
    internal WeightEntry(FileBytes file, string name, Storage storage, long[] shape, long[]? strides = null, long offset = 0)
    {
        Name = name;
        this.file = file;
        this.storage = storage;
        this.shape = shape;
        this.offset = offset;
        CheckNameAndShape();
        if (strides?.Any(stride => stride < 0) == true || offset < 0)
            throw file.Refuse($"tensor '{name}' has a size, stride or offset below 0.");
        if (strides is not null && strides.Length != shape.Length)
            throw file.Refuse($"tensor '{name}' has {shape.Length} dimensions but {strides.Length} strides.");

        // No product of sizes may overflow, not even one hidden by a size of 0.
        var largest = shape.Aggregate(Int128.One, (product, size) => product > long.MaxValue ? product : product * Math.Max(1, size));
        if (largest * storage.Type.Size > long.MaxValue)
            throw file.Refuse($"tensor '{name}' of shape {Shapes.Text(shape)} is larger than any memory.");
        Count = shape.Contains(0) ? 0 : (long)largest;
        this.strides = strides ?? Contiguous(shape);
        var end = (Int128)offset;
        if (Count > 0)
            end += 1 + shape.Zip(this.strides, (size, stride) => (Int128)(size - 1) * stride).Aggregate(Int128.Zero, (sum, step) => sum + step);
        if (end > storage.Count)
            throw file.Refuse($"tensor '{name}' of shape {Shapes.Text(shape)} extends beyond its storage of {storage.Count:N0} values.");
        if (Count > storage.Count)
        {
            throw file.Refuse(
                $"tensor '{name}' of shape {Shapes.Text(shape)} repeats the values of its storage of {storage.Count:N0}.", "Save it with .contiguous().");
        }

        extent = (long)end - offset;
    }

    /// <summary>A tensor that the file has but that cannot be read.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">The tensor's name.</param>
    /// <param name="shape">The sizes, as far as they are known.</param>
    /// <param name="oddity">What it is, such as <c>quantized</c>.</param>
    internal WeightEntry(FileBytes file, string name, long[] shape, string oddity)
    {
        Name = name;
        this.file = file;
        this.shape = shape;
        this.oddity = oddity;
        strides = [];
        CheckNameAndShape();
    }

    /// <summary>Its name in the file.</summary>
    public string Name { get; }

    /// <summary>
    /// The type of the tensor when read: that of the file or, if TorchSharp lacks it, one that holds its values exactly (Int32 for 16-bit
    /// unsigned integers, Int64 for those of 32 and 64 bits, Float16 or Float32 for 8-bit floats).
    /// </summary>
    /// <exception cref="MultiInputException">It is not <see cref="IsReadable"/>.</exception>
    public ScalarType Type => storage?.Type.Given ?? throw Unreadable();

    /// <summary>Whether it can be read; not if it is quantized, sparse or of a type without an equivalent here.</summary>
    public bool IsReadable => storage is not null;

    /// <summary>Its sizes; none for a single number.</summary>
    public IReadOnlyList<long> Shape => shape;

    /// <summary>The number of its values.</summary>
    internal long Count { get; }

    /// <summary>
    /// Reads tensors. Those that share a storage also share it in memory, so that together they take no more than in the file.
    /// </summary>
    internal static Dictionary<string, Tensor> Read(FileBytes file, IEnumerable<WeightEntry> entries)
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>();
        foreach (var group in entries.GroupBy(entry => entry.storage ?? throw entry.Unreadable()))
        {
            var filled = group.Where(entry => entry.Count > 0).ToArray();
            var first = filled.Select(entry => entry.offset).DefaultIfEmpty().Min();
            var end = filled.Select(entry => entry.offset + entry.extent).DefaultIfEmpty().Max();
            var values = group.Key.Read(file, first, end - first)
                ?? throw file.Refuse($"tensor '{group.First().Name}' of type {group.Key.Type.Name} has values that {group.Key.Type.Given} cannot hold.", "Convert it to another type.");
            foreach (var entry in group)
                tensors.Add(entry.Name, entry.Count == 0 ? empty(entry.shape, entry.Type, CPU) : values.as_strided(entry.shape, entry.strides, entry.offset - first));
        }

        foreach (var tensor in tensors.Values)
            tensor.MoveToOuterDisposeScope();
        return tensors;
    }

    /// <summary>Name, type and shape.</summary>
    /// <returns>A line such as <c>conv1.weight: Float32 (64, 3, 7, 7)</c>.</returns>
    public override string ToString() => $"{Name}: {(IsReadable ? Type : oddity)} {Shapes.Text(shape)}";

    /// <summary>The exception for an entry that is needed but cannot be read.</summary>
    internal MultiInputException Unreadable() => file.Refuse(
        $"tensor '{Name}' is {oddity}, which is not supported.", "Save it as a dense tensor of another type, such as float32, or do not load it.");

    private void CheckNameAndShape()
    {
        if (Name.Length > LongestName || Name.Any(char.IsControl))
            throw file.Refuse($"the name '{Name}' is longer than {LongestName:N0} characters or has some that cannot be printed.");
        if (shape.Length > MostDimensions)
            throw file.Refuse($"tensor '{Name}' has {shape.Length:N0} dimensions; at most {MostDimensions} are supported.");
        if (shape.Any(size => size < 0))
            throw file.Refuse($"tensor '{Name}' has a size, stride or offset below 0.");
    }

    private static long[] Contiguous(long[] shape)
    {
        var strides = new long[shape.Length];
        for (var (i, step) = (shape.Length - 1, 1L); i >= 0; step *= Math.Max(1, shape[i--]))
            strides[i] = step;
        return strides;
    }
}
