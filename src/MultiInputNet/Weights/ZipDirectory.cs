using System.Buffers.Binary;
using System.Text;

namespace MultiInputNet.Weights;

/// <summary>
/// The positions of the entries of a zip archive, so that their bytes can be read directly from the file (.NET's archive reveals neither
/// the position nor the compression method of an entry). Entries lie within the file and do not overlap.
/// </summary>
internal static class ZipDirectory
{
    private const uint EndSignature = 0x06054B50;
    private const uint End64LocatorSignature = 0x07064B50;
    private const uint End64Signature = 0x06064B50;
    private const uint EntrySignature = 0x02014B50;
    private const uint LocalSignature = 0x04034B50;
    private const int EndLength = 22;
    private const int End64LocatorLength = 20;
    private const int End64Length = 56;
    private const int EntryLength = 46;
    private const int LocalLength = 30;
    private const int LargestDirectory = 64 << 20;

    /// <summary>Reads the archive's directory.</summary>
    /// <returns>The entries by name.</returns>
    public static Dictionary<string, ZipEntry> Read(FileBytes file)
    {
        var (start, length, end) = Find(file);
        if (start < 0 || length is < 0 or > LargestDirectory || start > end - length)
            throw Damaged(file, $"a directory of {length:N0} bytes at byte {start:N0}");
        var directory = file.Read(start, length).AsSpan();
        var entries = new Dictionary<string, ZipEntry>();
        var parts = new List<(long Begin, long End)>();
        while (directory.Length > 0)
        {
            if (directory.Length < EntryLength || Number32(directory, 0) != EntrySignature)
                throw Damaged(file, "its directory is truncated");
            var (nameLength, extraLength, commentLength) = (Number16(directory, 28), Number16(directory, 30), Number16(directory, 32));
            if (directory.Length < EntryLength + nameLength + extraLength + commentLength)
                throw Damaged(file, "its directory is truncated");
            var name = Encoding.UTF8.GetString(directory.Slice(EntryLength, nameLength));
            var (size, packed, header) = Sizes(file, directory, directory.Slice(EntryLength + nameLength, extraLength));
            var position = Locate(file, name, header, directory.Slice(EntryLength, nameLength));
            if (packed < 0 || packed > start - position)
                throw Damaged(file, $"entry '{name}' of {packed:N0} bytes at byte {position:N0}");

            // Torch stores every entry uncompressed: nothing is ever decompressed, so no entry is larger than its part of the file.
            var isPlain = Number16(directory, 10) == 0 && (Number16(directory, 8) & 1) == 0 && size == packed;
            if (!entries.TryAdd(name, new(position, packed, isPlain)))
                throw Damaged(file, $"two entries '{name}'");
            parts.Add((header, position + packed));
            directory = directory[(EntryLength + nameLength + extraLength + commentLength)..];
        }

        parts.Sort();
        for (var i = 1; i < parts.Count; i++)
        {
            if (parts[i].Begin < parts[i - 1].End)
                throw Damaged(file, $"entries overlap at byte {parts[i].Begin:N0}");
        }

        return entries;
    }

    /// <summary>The position of the directory, and the byte before which it must end.</summary>
    private static (long Start, long Length, long End) Find(FileBytes file)
    {
        var length = (int)Math.Min(file.Length, EndLength + ushort.MaxValue);
        var tail = file.Read(file.Length - length, (long)length);
        for (var at = length - EndLength; at >= 0; at--)
        {
            var record = tail.AsSpan(at);
            if (Number32(record, 0) != EndSignature || record.Length != EndLength + Number16(record, 20))
                continue;
            var (start, size, end) = ((long)Number32(record, 16), (long)Number32(record, 12), file.Length - length + at);
            return start != uint.MaxValue && size != uint.MaxValue && Number16(record, 10) != ushort.MaxValue
                ? (start, size, end)
                : Find64(file, end - End64LocatorLength);
        }

        throw Damaged(file, "it has no directory");
    }

    private static (long Start, long Length, long End) Find64(FileBytes file, long locatorPosition)
    {
        var locator = file.Read(locatorPosition, (long)End64LocatorLength);
        var end = Number64(locator, 8);
        if (Number32(locator, 0) != End64LocatorSignature || end > locatorPosition - End64Length)
            throw Damaged(file, "it has no 64-bit directory");
        var record = file.Read(end, (long)End64Length);
        if (Number32(record, 0) != End64Signature)
            throw Damaged(file, "it has no 64-bit directory");
        return (Number64(record, 48), Number64(record, 40), end);
    }

    /// <summary>The sizes and the position of an entry; those that need 64 bits are in its extra fields, in this order.</summary>
    private static (long Size, long Packed, long Header) Sizes(FileBytes file, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> extra)
    {
        var (size, packed, header) = ((long)Number32(entry, 24), (long)Number32(entry, 20), (long)Number32(entry, 42));
        var wide = Extra64(extra);
        foreach (ref var number in (Span<long>)[size, packed, header])
        {
            if (number != uint.MaxValue)
                continue;
            if (wide.Length < 8)
                throw Damaged(file, "its directory lacks a 64-bit size");
            number = Number64(wide, 0);
            wide = wide[8..];
        }

        return (size, packed, header);
    }

    private static ReadOnlySpan<byte> Extra64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            var length = Math.Min(Number16(extra, 2), extra.Length - 4);
            if (Number16(extra, 0) == 1)
                return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }

        return [];
    }

    /// <summary>The position of an entry's bytes, which follow its local header.</summary>
    private static long Locate(FileBytes file, string name, long header, ReadOnlySpan<byte> nameBytes)
    {
        Span<byte> local = stackalloc byte[LocalLength];
        file.Read(header, local);
        if (Number32(local, 0) != LocalSignature || Number16(local, 26) != nameBytes.Length || !file.Read(header + LocalLength, (long)nameBytes.Length).AsSpan().SequenceEqual(nameBytes))
            throw Damaged(file, $"entry '{name}' is not where the directory says");
        return header + LocalLength + nameBytes.Length + Number16(local, 28);
    }

    private static MultiInputException Damaged(FileBytes file, string reason) =>
        file.Refuse($"it is a damaged zip archive ({reason}).", "It may be truncated: copy it again.");

    private static int Number16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint Number32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Number64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);
}
