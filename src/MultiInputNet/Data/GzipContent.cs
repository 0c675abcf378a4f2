using System.IO.Compression;

namespace MultiInputNet.Data;

/// <summary>
/// The content of a gzip file: all of it, or an exception. <see cref="GZipStream"/> verifies checksum and length of every member, but
/// takes a truncated file for one that ends there. It is therefore given one more member after the file: only if the file is complete
/// is that member's content the last thing to come out.
/// </summary>
/// <param name="file">The compressed bytes; they stay open.</param>
internal sealed class GzipContent(Stream file) : ForwardStream
{
    private static readonly byte[] mark = "MultiInputNet: the file is whole."u8.ToArray();
    private static readonly byte[] lastMember = Pack(mark);

    private readonly GZipStream unpacked = new(new Joined(file), CompressionMode.Decompress);

    // What was decompressed and not yet returned: the last bytes wait until it is known whether they are the mark.
    private readonly byte[] waiting = new byte[1 << 16];
    private int start;
    private int end;
    private bool isComplete;

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The file is damaged or truncated.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (end - start <= mark.Length)
            Unpack();
        var count = Math.Min(buffer.Length, end - start - mark.Length);
        waiting.AsSpan(start, count).CopyTo(buffer);
        start += count;
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            unpacked.Dispose();
        base.Dispose(disposing);
    }

    private static byte[] Pack(byte[] content)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.NoCompression))
            gzip.Write(content);
        return packed.ToArray();
    }

    /// <summary>Decompresses until more than a mark is waiting, or nothing is left.</summary>
    private void Unpack()
    {
        waiting.AsSpan(start, end - start).CopyTo(waiting);
        (start, end) = (0, end - start);
        while (end <= mark.Length && !isComplete)
        {
            var count = Unpack(waiting.AsSpan(end));
            end += count;
            if (count == 0 && !waiting.AsSpan(0, end).SequenceEqual(mark))
                throw new InvalidDataException("Its packed content is cut short, or followed by bytes that are not gzip's.");
            isComplete = count == 0;
        }
    }

    private int Unpack(Span<byte> buffer)
    {
        try
        {
            return unpacked.Read(buffer);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"Its packed content is cut short or damaged: {e.Message}", e);
        }
    }

    /// <summary>The bytes of the file and then those of the last member.</summary>
    private sealed class Joined(Stream file) : ForwardStream
    {
        private readonly MemoryStream last = new(lastMember);

        public override int Read(Span<byte> buffer) => file.Read(buffer) is > 0 and var count ? count : last.Read(buffer);
    }
}
