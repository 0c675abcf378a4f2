using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>Opens files from outside: whatever is wrong with one is an exception that names it.</summary>
internal static class DataFile
{
    /// <summary>The most bytes into which deflate can expand one (zlib's technical notes).</summary>
    public const int LargestExpansion = 1032;

    /// <summary>Reads a file; errors of the reader or the system are rethrown as a <see cref="MultiInputException"/>.</summary>
    public static T Read<T>(string path, string cure, Func<FileStream, T> read)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        try
        {
            using var file = RegularFile.Open(path);
            return read(file);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException($"file '{path}'", ModelComponent.File, e.Message, cure, e);
        }
    }

    /// <summary>
    /// The content of a file, decompressed if it is gzip, and the most bytes that it can have. Only after it was read to its end is it
    /// known to be complete.
    /// </summary>
    public static (Stream Content, long Limit) Unpack(FileStream file)
    {
        Span<byte> magic = stackalloc byte[2];
        var isPacked = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic is [0x1F, 0x8B];
        file.Position = 0;
        return isPacked
            ? (new GzipContent(file), file.Length * LargestExpansion)
            : (file, file.Length);
    }

    /// <summary>
    /// Numbers as floating point: Float32 where that is exact, otherwise Float64, from which the model subtracts the mean before it
    /// converts them.
    /// </summary>
    public static Tensor Samples(Tensor read)
    {
        using var scope = NewDisposeScope();
        var single = read.to(ScalarType.Float32);
        if (read.dtype is not (ScalarType.Float64 or ScalarType.Int64 or ScalarType.Int32))
            return single.MoveToOuterDisposeScope();
        var given = read.to(ScalarType.Float64);
        var isExact = single.to(ScalarType.Float64).eq(given).logical_or(given.isnan()).all().ToBoolean();
        return (isExact ? single : given).MoveToOuterDisposeScope();
    }
}
