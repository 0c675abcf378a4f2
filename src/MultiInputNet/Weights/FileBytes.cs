using Microsoft.Win32.SafeHandles;

namespace MultiInputNet.Weights;

/// <summary>
/// The bytes of an untrusted file. Nothing is read beyond its end, and whatever is wrong with it is an exception that names it.
/// </summary>
internal sealed class FileBytes : IDisposable
{
    private const string DefaultCure = "Give a file of weights: safetensors, PyTorch's .pth or .pt, ONNX, or one written by TorchSharp's Module.save.";
    private const int LongestProblem = 1_000;

    private readonly SafeFileHandle handle;
    private readonly List<FileBytes> others = [];

    public FileBytes(string path)
    {
        Path = path;
        try
        {
            handle = RegularFile.OpenHandle(path);
            Length = RandomAccess.GetLength(handle);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            handle?.Dispose();
            throw Refuse(path, e.Message, DefaultCure, e);
        }
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>The exception for the file at this path. The problem can contain text from the file, so it is made printable.</summary>
    public static MultiInputException Refuse(string path, string problem, string cure, Exception? cause = null) =>
        new($"file '{path}'", ModelComponent.File, Printable(problem), cure, cause);

    /// <summary>The exception for what is wrong with this file.</summary>
    public MultiInputException Refuse(string problem, string? cure = null, Exception? cause = null) =>
        Refuse(Path, problem, cure ?? DefaultCure, cause);

    /// <summary>Fills <paramref name="bytes"/> from a position in the file.</summary>
    public void Read(long position, Span<byte> bytes)
    {
        if (position < 0 || bytes.Length > Length - position)
            throw Refuse($"it has {Length:N0} bytes, too few for {bytes.Length:N0} from byte {position:N0}.", "It is damaged or truncated: copy it again.");
        try
        {
            while (bytes.Length > 0)
            {
                var count = RandomAccess.Read(handle, bytes, position);
                if (count == 0)
                    throw new EndOfStreamException("It became shorter while it was read.");
                bytes = bytes[count..];
                position += count;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refuse(e.Message, "Read it again when nothing else is writing to it.", e);
        }
    }

    /// <summary>A part of the file; its length is checked before memory is allocated.</summary>
    public byte[] Read(long position, long count)
    {
        if (position < 0 || count < 0 || count > Length - position)
            throw Refuse($"it has {Length:N0} bytes, too few for {count:N0} from byte {position:N0}.", "It is damaged or truncated: copy it again.");
        var bytes = new byte[count];
        Read(position, bytes);
        return bytes;
    }

    /// <summary>A stream of the file, which this owner has to outlive.</summary>
    public Stream OpenStream() => new FileStream(new SafeFileHandle(handle.DangerousGetHandle(), ownsHandle: false), FileAccess.Read, bufferSize: 0);

    /// <summary>Opens another file, which is closed with this one.</summary>
    public FileBytes OpenOther(string path)
    {
        var other = new FileBytes(path);
        others.Add(other);
        return other;
    }

    public void Dispose()
    {
        handle.Dispose();
        others.ForEach(other => other.Dispose());
    }

    private static string Printable(string text)
    {
        var cut = text.Length <= LongestProblem ? text : $"{text.AsSpan(0, LongestProblem)}…";
        return cut.Any(char.IsControl) ? string.Concat(cut.Select(c => char.IsControl(c) ? '\uFFFD' : c)) : cut;
    }
}
