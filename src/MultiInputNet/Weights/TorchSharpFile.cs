using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads what TorchSharp's <c>Module.save</c> writes: the number of tensors, and for each its name, type, dimensions, sizes and bytes.
/// Numbers are in LEB128 (seven bits per byte, low bits first), names in UTF-8 after their length.
/// </summary>
internal sealed class TorchSharpFile
{
    private const int LongestName = 4_000;
    private const int MostDimensions = 64;
    private const int MostTensors = 1_000_000;

    private readonly FileBytes file;
    private readonly byte[] buffer = new byte[256];
    private long position;
    private long bufferStart;
    private int bufferLength;

    private TorchSharpFile(FileBytes file) => this.file = file;

    public static WeightContent Read(FileBytes file) => new TorchSharpFile(file).Read();

    private WeightContent Read()
    {
        var count = Number();
        if (count > MostTensors)
            throw Unknown($"{count:N0} tensors of TorchSharp's format would be too many");
        var entries = new List<WeightEntry>();
        for (var i = 0L; i < count; i++)
            entries.Add(Entry());
        if (position != file.Length)
            throw Unknown($"{file.Length - position:N0} bytes follow {count:N0} tensors of TorchSharp's format");
        return new(WeightFormat.TorchSharp, entries, new Dictionary<string, string>());
    }

    private WeightEntry Entry()
    {
        var name = Name();
        var type = Number();
        if (type > sbyte.MaxValue || !SafeTensors.Types.Values.Contains((ScalarType)type))
            throw Unknown($"tensor '{name}' is of type {type}, which is not supported");
        var dimensions = Number();
        if (dimensions > MostDimensions)
            throw Unknown($"tensor '{name}' has {dimensions:N0} dimensions");
        var shape = new long[dimensions];
        foreach (ref var size in shape.AsSpan())
            size = Number();
        var stored = StoredType.Of((ScalarType)type);
        var entry = new WeightEntry(file, name, new(position, (file.Length - position) / stored.Size, stored), shape);
        position += entry.Count * stored.Size;
        return entry;
    }

    private string Name()
    {
        var length = Number();
        if (length > Math.Min(LongestName, file.Length - position))
            throw Unknown($"a name of {length:N0} bytes at byte {position:N0}");
        var bytes = file.Read(position, length);
        position += length;
        return Encoding.UTF8.GetString(bytes);
    }

    private long Number()
    {
        var number = 0L;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = Next();
            number |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
                return number;
        }

        throw Unknown($"a number of more than 63 bits before byte {position:N0}");
    }

    private byte Next()
    {
        if (position == file.Length)
            throw Unknown("it ends early");
        if (position < bufferStart || position >= bufferStart + bufferLength)
        {
            bufferStart = position;
            bufferLength = (int)Math.Min(buffer.Length, file.Length - position);
            file.Read(position, buffer.AsSpan(0, bufferLength));
        }

        return buffer[position++ - bufferStart];
    }

    // The format has no magic number: anything that is not another format is tried as this one.
    private MultiInputException Unknown(string reason) =>
        file.Refuse($"it is not a file of weights in a known format, or it is damaged ({reason}).");
}
