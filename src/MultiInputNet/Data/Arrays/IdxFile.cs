using System.Buffers.Binary;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>IDX files, the format of MNIST and its relatives (LeCun, Cortes and Burges), plain or gzip-compressed.</summary>
/// <remarks>Types: unsigned and signed bytes, 16-bit and 32-bit integers, 32-bit and 64-bit floats, without conversion.</remarks>
public static class IdxFile
{
    private const string Cure = "Give an IDX file, such as train-images-idx3-ubyte or the same with .gz.";

    private static readonly Dictionary<byte, ArrayElement> elements = new()
    {
        [0x08] = ArrayElement.UInt8,
        [0x09] = ArrayElement.Int8,
        [0x0B] = ArrayElement.Int16,
        [0x0C] = ArrayElement.Int32,
        [0x0D] = ArrayElement.Float32,
        [0x0E] = ArrayElement.Float64,
    };

    /// <summary>Reads an array.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The array, in its shape; owned by the caller.</returns>
    /// <exception cref="MultiInputException">The file is damaged, or is not of this format.</exception>
    public static Tensor Read(string path) => DataFile.Read(path, Cure, Read);

    /// <summary>Reads images and labels into a source of one input and one task.</summary>
    /// <param name="name">The name of the input, the task and the source.</param>
    /// <param name="images">
    /// A file of <c>(count, height, width)</c>; the images become <c>(count, 1, height, width)</c> in Float32, or Float64 if that would
    /// lose digits, with unsigned bytes scaled to 0 to 1.
    /// </param>
    /// <param name="labels">A file of <c>(count)</c> integers; they become Int64.</param>
    /// <returns>The source. Its tensors are owned by the caller.</returns>
    /// <exception cref="MultiInputException">A file is damaged, not of this format, or of the wrong shape.</exception>
    /// <exception cref="ArgumentException">The files hold no samples, or different numbers of them.</exception>
    public static TensorSource ReadSource(string name, string images, string labels)
    {
        using var scope = NewDisposeScope();
        var samples = ReadImages(images);
        var classes = ReadOfRank(labels, 1, "(count)").to(ScalarType.Int64);
        return new(name, samples.MoveToOuterDisposeScope(), classes.MoveToOuterDisposeScope());
    }

    /// <summary>Reads images without labels into a source.</summary>
    /// <param name="name">The name of the input and of the source.</param>
    /// <param name="images">A file of <c>(count, height, width)</c>, read as with labels.</param>
    /// <returns>The source. Its tensor is owned by the caller.</returns>
    /// <exception cref="MultiInputException">The file is damaged, not of this format, or of the wrong shape.</exception>
    /// <exception cref="ArgumentException">The file holds no samples.</exception>
    public static TensorSource ReadSource(string name, string images)
    {
        using var scope = NewDisposeScope();
        return new(name, ReadImages(images).MoveToOuterDisposeScope());
    }

    private static Tensor ReadImages(string path)
    {
        var pixels = ReadOfRank(path, 3, "(count, height, width)");
        var samples = DataFile.Samples(pixels).unsqueeze(1);
        return pixels.dtype == ScalarType.Byte ? samples.div_(255) : samples;
    }

    private static Tensor ReadOfRank(string path, int rank, string shape)
    {
        var array = Read(path);
        return array.dim() == rank
            ? array
            : throw new MultiInputException($"file '{path}'", ModelComponent.File, $"it holds an array of shape {Shapes.Text(array.shape)}.", $"Give one of {shape}.");
    }

    private static Tensor Read(FileStream file)
    {
        var (content, limit) = DataFile.Unpack(file);
        using (content)
        {
            Span<byte> start = stackalloc byte[4];
            content.ReadExactly(start);
            if (start[0] != 0 || start[1] != 0 || !elements.TryGetValue(start[2], out var element))
                throw new InvalidDataException($"It is not an IDX file: it begins with {Convert.ToHexString(start)}.");
            var sizes = new byte[4 * start[3]];
            content.ReadExactly(sizes);
            var shape = sizes.Chunk(4).Select(size => (long)BinaryPrimitives.ReadUInt32BigEndian(size));
            return new ArrayLayout(element, [.. shape], bigEndian: true).Read(content, limit);
        }
    }
}
