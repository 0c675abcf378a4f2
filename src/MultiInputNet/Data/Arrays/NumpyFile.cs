using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using MultiInputNet.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// NumPy files: arrays in <c>.npy</c> (format versions 1 to 3) and archives of them in <c>.npz</c>. No code in a file is run:
/// arrays of Python objects are rejected.
/// </summary>
/// <remarks>
/// Types: bool, int8 to int64, uint8 and float16 to float64 without conversion; uint16 becomes Int32, uint32 and uint64 become
/// Int64. Both byte orders and both orders of dimensions are read; tensors are contiguous, on the CPU.
/// </remarks>
public static partial class NumpyFile
{
    private const int LargestHeader = 1 << 20;
    private const string NpyCure = "Give an array of numbers written by numpy.save.";
    private const string NpzCure = "Give arrays of numbers written by numpy.savez or numpy.savez_compressed.";

    private static readonly byte[] magic = [0x93, .. "NUMPY"u8];

    private static readonly Dictionary<string, ArrayElement> elements = new()
    {
        ["b1"] = ArrayElement.Bool,
        ["i1"] = ArrayElement.Int8,
        ["i2"] = ArrayElement.Int16,
        ["i4"] = ArrayElement.Int32,
        ["i8"] = ArrayElement.Int64,
        ["u1"] = ArrayElement.UInt8,
        ["u2"] = ArrayElement.UInt16,
        ["u4"] = ArrayElement.UInt32,
        ["u8"] = ArrayElement.UInt64,
        ["f2"] = ArrayElement.Float16,
        ["f4"] = ArrayElement.Float32,
        ["f8"] = ArrayElement.Float64,
    };

    /// <summary>Reads an array.</summary>
    /// <param name="path">A <c>.npy</c> file.</param>
    /// <returns>The array, in its shape; owned by the caller.</returns>
    /// <exception cref="MultiInputException">The file is damaged, or does not hold an array of numbers.</exception>
    public static Tensor Read(string path) => DataFile.Read(path, NpyCure, file => ReadArray(file, file.Length));

    /// <summary>Reads the arrays of an archive.</summary>
    /// <param name="path">A <c>.npz</c> file.</param>
    /// <returns>Each array by its name; owned by the caller.</returns>
    /// <exception cref="MultiInputException">The file is damaged, or holds anything but arrays of numbers.</exception>
    public static IReadOnlyDictionary<string, Tensor> ReadArchive(string path) => DataFile.Read(path, NpzCure, ReadArchive);

    /// <summary>Reads samples and labels into a source of one input and one task.</summary>
    /// <param name="name">The name of the input, the task and the source.</param>
    /// <param name="samples">
    /// A <c>.npy</c> file with the samples along the first dimension; they become Float32, or Float64 if that would lose digits.
    /// </param>
    /// <param name="labels">
    /// A <c>.npy</c> file with one label per sample. Integers from -1 to 65,535 in one dimension are classes and become Int64; all others
    /// are numbers to regress, and become Float64 in two dimensions.
    /// </param>
    /// <returns>The source. Its tensors are owned by the caller.</returns>
    /// <exception cref="MultiInputException">A file is damaged, or does not hold an array of numbers.</exception>
    /// <exception cref="ArgumentException">The files hold no samples, or different numbers of them.</exception>
    public static TensorSource ReadSource(string name, string samples, string labels)
    {
        using var scope = NewDisposeScope();
        return new(name, DataFile.Samples(Read(samples)).MoveToOuterDisposeScope(), ReadLabels(labels).MoveToOuterDisposeScope());
    }

    /// <summary>Reads samples without labels into a source.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="samples">
    /// A <c>.npy</c> file with the samples along the first dimension; they become Float32, or Float64 if that would lose digits.
    /// </param>
    /// <returns>The source. Its tensor is owned by the caller.</returns>
    /// <exception cref="MultiInputException">The file is damaged, or does not hold an array of numbers.</exception>
    /// <exception cref="ArgumentException">The file holds no samples.</exception>
    public static TensorSource ReadSource(string name, string samples)
    {
        using var scope = NewDisposeScope();
        return new(name, DataFile.Samples(Read(samples)).MoveToOuterDisposeScope());
    }

    /// <summary>Writes an array in NumPy's format version 1; the file appears under its name once it is complete.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="array">A tensor on any device, of a type that NumPy has too.</param>
    /// <exception cref="ArgumentException">NumPy has no such type.</exception>
    /// <exception cref="ObjectDisposedException">The tensor was disposed of.</exception>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public static void Write(string path, Tensor array)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(array);
        ObjectDisposedException.ThrowIf(array.IsInvalid, array);
        var type = elements.FirstOrDefault(pair => pair.Value.Given == array.dtype && !pair.Value.Unsigned).Key
            ?? throw new ArgumentException($"NumPy has no type for {array.dtype}; convert the tensor with .to(ScalarType.Float32).", nameof(array));
        using var scope = NewDisposeScope();
        var flat = array.detach().cpu().contiguous().view(-1);
        var order = array.element_size() == 1 ? '|' : BitConverter.IsLittleEndian ? '<' : '>';
        var shape = string.Join(", ", array.shape.Select(size => size.ToString(CultureInfo.InvariantCulture))) + (array.dim() == 1 ? "," : "");
        var header = $"{{'descr': '{order}{type}', 'fortran_order': False, 'shape': ({shape}), }}";

        // The array begins at a multiple of 64 bytes, after a line feed.
        var length = (magic.Length + 4 + header.Length + 1 + 63) / 64 * 64 - magic.Length - 4;
        WholeFile.Write(path, file =>
        {
            file.Write([.. magic, 1, 0, (byte)length, (byte)(length >> 8)]);
            file.Write(Encoding.ASCII.GetBytes(header.PadRight(length - 1) + '\n'));
            const int ElementsAtOnce = 16 << 20;
            for (var start = 0L; start < flat.numel(); start += ElementsAtOnce)
                file.Write(flat.narrow(0, start, Math.Min(ElementsAtOnce, flat.numel() - start)).bytes);
        });
    }

    /// <summary>Reads labels in the types that heads take.</summary>
    internal static Tensor ReadLabels(string path)
    {
        using var scope = NewDisposeScope();
        var labels = Read(path);
        var isClass = labels.dim() == 1 && !labels.is_floating_point() && labels.numel() > 0
            && (labels.dtype == ScalarType.Bool || (labels.min().ToInt64() >= -1 && labels.max().ToInt64() < Limits.LargestSize));
        labels = labels.to(isClass ? ScalarType.Int64 : ScalarType.Float64);
        return (labels.dim() == 1 && !isClass ? labels.unsqueeze(1) : labels).MoveToOuterDisposeScope();
    }

    /// <summary>Reads the header of a <c>.npy</c> file up to the first byte of its array.</summary>
    /// <exception cref="InvalidDataException">It is not such a header, or that of an unsupported array.</exception>
    internal static ArrayLayout ReadHeader(Stream content, long limit)
    {
        Span<byte> start = stackalloc byte[8];
        content.ReadExactly(start);
        if (!start.StartsWith(magic))
            throw new InvalidDataException("It is not an .npy file: it does not begin with NumPy's magic string.");
        if (start[6] is < 1 or > 3)
            throw new InvalidDataException($"It has NumPy's format version {start[6]}; versions 1 to 3 are supported.");
        Span<byte> size = stackalloc byte[4];
        size.Clear();
        content.ReadExactly(start[6] == 1 ? size[..2] : size);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(size);
        if (length > LargestHeader || length > limit)
            throw new InvalidDataException(FormattableString.Invariant($"Its header claims {length:N0} bytes."));
        var bytes = new byte[length];
        content.ReadExactly(bytes);
        return ParseHeader((start[6] == 3 ? Encoding.UTF8 : Encoding.Latin1).GetString(bytes));
    }

    private static ArrayLayout ParseHeader(string header)
    {
        var (type, order, shape) = (TypePattern().Match(header), OrderPattern().Match(header), ShapePattern().Match(header));
        if (!type.Success)
            throw new InvalidDataException("Its header does not name a single number type: arrays of records are not supported.");
        if (!order.Success || !shape.Success)
            throw new InvalidDataException("Its header lacks a shape or an order.");
        var name = type.Groups[1].Value;
        if (name.TrimStart('|', '<', '>', '=') is ['O', ..])
            throw new InvalidDataException($"It holds Python objects (type '{name}'): such files run code when they are read, and are rejected.");
        if (name.Length != 3 || !elements.TryGetValue(name[1..], out var element))
            throw new InvalidDataException($"Its numbers are of type '{name}'; bool, integers and floats of at most 64 bits are supported.");
        var sizes = shape.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(size =>
            long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                ? number
                : throw new InvalidDataException($"Its header's shape has a size of '{size}'."));
        return new(element, [.. sizes], bigEndian: name[0] == '>' || (name[0] == '=' && !BitConverter.IsLittleEndian), order.Groups[1].Value == "True");
    }

    private static Tensor ReadArray(Stream content, long limit) => ReadHeader(content, limit).Read(content, limit);

    private static Dictionary<string, Tensor> ReadArchive(FileStream file)
    {
        var arrays = new Dictionary<string, Tensor>();
        using var scope = NewDisposeScope();

        // .NET's archive does not compare the names and positions of entries with what precedes each.
        using (var bytes = new FileBytes(file.Name))
            ZipDirectory.Read(bytes);
        using var archive = OpenArchive(file);
        var left = file.Length;
        foreach (var entry in archive.Entries)
        {
            // Entries that share bytes would turn a small file into a large one.
            left -= entry.CompressedLength;
            if (entry.CompressedLength < 0 || left < 0)
                throw new InvalidDataException($"Its entries claim more bytes than it has, up to '{entry.FullName}'.");
            var name = entry.FullName.EndsWith(".npy", StringComparison.Ordinal) ? entry.FullName[..^4] : entry.FullName;
            try
            {
                using var content = new CheckedContent(entry.Open(), entry.Crc32);
                if (!arrays.TryAdd(name, ReadArray(content, entry.CompressedLength * DataFile.LargestExpansion)))
                    throw new InvalidDataException("there are two with this name.");
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException or NotSupportedException)
            {
                throw new InvalidDataException($"Array '{name}': {e.Message}", e);
            }
        }

        foreach (var array in arrays.Values)
            array.MoveToOuterDisposeScope();
        return arrays;
    }

    private static ZipArchive OpenArchive(FileStream file)
    {
        try
        {
            var archive = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
            _ = archive.Entries; // reads the directory
            return archive;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or OverflowException)
        {
            throw new InvalidDataException($"Its directory is damaged: {e.Message}", e);
        }
    }

    [GeneratedRegex(@"'descr'\s*:\s*'([^']*)'")]
    private static partial Regex TypePattern();

    [GeneratedRegex(@"'fortran_order'\s*:\s*(True|False)")]
    private static partial Regex OrderPattern();

    [GeneratedRegex(@"'shape'\s*:\s*\(([^)]*)\)")]
    private static partial Regex ShapePattern();
}
