using Google.Protobuf;

namespace MultiInputNet.Weights;

/// <summary>
/// Walks the fields of protobuf messages in an untrusted file with protobuf's own reader, and passes over long ones without reading them.
/// </summary>
internal sealed class ProtobufFields : IDisposable
{
    /// <summary>The wire types, which are the low three bits of a tag.</summary>
    public const uint Varint = 0, Fixed64 = 1, Block = 2, Fixed32 = 5;

    private readonly FileBytes file;
    private readonly Stream stream;

    /// <param name="file">The file.</param>
    /// <param name="position">Where the first field begins.</param>
    public ProtobufFields(FileBytes file, long position)
    {
        this.file = file;
        stream = file.OpenStream();
        Values = Begin(position);
    }

    /// <summary>The reader of the current field's value.</summary>
    public CodedInputStream Values { get; private set; }

    /// <summary>The number of the current field, times 8, plus its wire type.</summary>
    public uint Tag { get; private set; }

    public long Position => Values.Position;

    /// <summary>Reads the tag of the next field of a message; false at the message's end.</summary>
    public bool Next(long end)
    {
        if (Position > end)
            throw file.Refuse($"a field before byte {Position:N0} extends beyond its message.");
        return Position < end && (Tag = Values.ReadTag()) != 0;
    }

    /// <summary>Reads the length of a message, text or list of values, which begins at <see cref="Position"/>; returns its end.</summary>
    public long ReadEnd(long end)
    {
        var length = Values.ReadLength();
        return length >= 0 && length <= end - Position
            ? Position + length
            : throw file.Refuse($"the field of {(uint)length:N0} bytes at byte {Position:N0} extends beyond its message.", "It is damaged or truncated: copy it again.");
    }

    /// <summary>Goes on at a position.</summary>
    public void MoveTo(long position)
    {
        if (position != Position)
            Values = Begin(position);
    }

    public void Dispose() => stream.Dispose();

    private CodedInputStream Begin(long position)
    {
        stream.Position = position;
        return new(stream, leaveOpen: true);
    }
}
