using ICSharpCode.SharpZipLib.Checksum;

namespace MultiInputNet;

/// <summary>A stream whose bytes are compared with a CRC-32 at its end.</summary>
/// <param name="content">The bytes.</param>
/// <param name="expected">The checksum of all of them.</param>
internal sealed class CheckedContent(Stream content, uint expected) : ForwardStream
{
    private readonly Crc32 checksum = new();
    private readonly byte[] read = new byte[1 << 16];

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">The end is reached, and the checksum differs.</exception>
    public override int Read(Span<byte> buffer)
    {
        var count = content.Read(read, 0, Math.Min(read.Length, buffer.Length));
        checksum.Update(new ArraySegment<byte>(read, 0, count));
        read.AsSpan(0, count).CopyTo(buffer);
        if (count == 0 && buffer.Length > 0 && checksum.Value != expected)
            throw new InvalidDataException($"Its checksum is {checksum.Value:x8} instead of {expected:x8}: the file is damaged.");
        return count;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            content.Dispose();
        base.Dispose(disposing);
    }
}
