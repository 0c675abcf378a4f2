using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace MultiInputNet.Parity;

/// <summary>Reads and writes float32 arrays in NumPy's .npy format.</summary>
internal static partial class NumpyFile
{
    private static readonly byte[] magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <exception cref="InvalidDataException">The file is no .npy file of float32 values in C order, or a damaged one.</exception>
    public static Tensor Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < 10 || !bytes.AsSpan(0, 6).SequenceEqual(magic))
            throw new InvalidDataException($"'{path}' is no .npy file.");

        // Version 1 has two bytes for the header's length, later ones four.
        var start = bytes[6] == 1 ? 10 : 12;
        var length = bytes[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8)) : bytes.Length < 12 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(8));
        if (length > bytes.Length - start)
            throw new InvalidDataException($"'{path}' is cut off within its header.");
        var header = Encoding.Latin1.GetString(bytes, start, (int)length);
        if (HeaderPattern().Match(header) is not { Success: true } match)
            throw new InvalidDataException($"'{path}' holds {header.Trim()}; float32 values in C order are needed.");
        var shape = match.Groups[1].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(long.Parse).ToArray();
        var values = bytes.AsSpan(start + (int)length);
        if (values.Length != shape.Aggregate(4L, (product, size) => checked(product * size)))
            throw new InvalidDataException($"'{path}' has {values.Length:N0} bytes of values, which do not make ({string.Join(", ", shape)}).");
        var tensor = empty(shape);
        values.CopyTo(tensor.bytes);
        return tensor;
    }

    public static void Write(string path, Tensor tensor)
    {
        var shape = string.Concat(tensor.shape.Select(size => $"{size}, ")).TrimEnd();
        var header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}";
        header = header.PadRight(header.Length + 63 - (10 + header.Length) % 64) + "\n";
        using var file = File.Create(path);
        file.Write([.. magic, 1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
        file.Write(Encoding.Latin1.GetBytes(header));
        file.Write(tensor.cpu().contiguous().bytes);
    }

    [GeneratedRegex(@"^\{'descr': '<f4', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \}\s*$")]
    private static partial Regex HeaderPattern();
}
