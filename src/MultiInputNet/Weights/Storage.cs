using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>Values of one type one behind the other in a file. Several tensors may be views of one storage.</summary>
/// <param name="position">The byte of the file with which it begins.</param>
/// <param name="count">Its values.</param>
/// <param name="type">Their type.</param>
internal sealed class Storage(long position, long count, ScalarType type)
{
    // A span of bytes holds less than 2 GB, so that larger storages are read in parts.
    private const long LargestPart = 1L << 30;

    public long Position => position;

    public long Count => count;

    public ScalarType Type => type;

    /// <summary>Reads some of the values into a new tensor of one dimension on the CPU.</summary>
    public Tensor Read(FileBytes file, long first, long length)
    {
        using var scope = NewDisposeScope();
        var size = (long)type.ElementSize();

        // Any byte but 0 and 1 in a bool is undefined behaviour in libtorch, so that bools are read as bytes and compared.
        var values = empty([length], type == ScalarType.Bool ? ScalarType.Byte : type, CPU);
        for (var start = 0L; start < length; start += LargestPart / size)
        {
            using var part = values.narrow(0, start, Math.Min(LargestPart / size, length - start));
            file.Read(position + (first + start) * size, part.bytes);
        }

        return (type == ScalarType.Bool ? values.ne(0) : values).MoveToOuterDisposeScope();
    }
}
