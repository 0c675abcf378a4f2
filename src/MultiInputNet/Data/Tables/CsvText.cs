using System.Text;

namespace MultiInputNet.Data;

/// <summary>The characters of a file. Bytes that are not characters are rejected, where a decoder would silently replace them.</summary>
internal static class CsvText
{
    /// <summary>A reader in the encoding that a byte order mark declares, or else the given one.</summary>
    public static StreamReader Open(FileStream file, Encoding encoding)
    {
        var content = DataFile.Unpack(file).Content;
        var start = new byte[4];
        var count = content.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        Encoding named = start.AsSpan(0, count) switch
        {
            [0xFF, 0xFE, 0, 0] => new UTF32Encoding(),
            [0, 0, 0xFE, 0xFF] => new UTF32Encoding(bigEndian: true, byteOrderMark: true),
            [0xFF, 0xFE, ..] => new UnicodeEncoding(),
            [0xFE, 0xFF, ..] => new UnicodeEncoding(bigEndian: true, byteOrderMark: true),
            [0xEF, 0xBB, 0xBF, ..] => Encoding.UTF8,
            _ => encoding,
        };
        var strict = (Encoding)named.Clone();
        strict.DecoderFallback = DecoderFallback.ExceptionFallback;
        return new(new Prefixed(start.AsMemory(0, count), content), strict, detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16);
    }

    /// <summary>The first line, from 1, with bytes that are not characters.</summary>
    /// <exception cref="InvalidDataException">The file is compressed and damaged, which may be the reason.</exception>
    public static long FindBrokenLine(FileStream file, Encoding encoding)
    {
        using var reader = Open(file, encoding);
        var decoder = reader.CurrentEncoding.GetDecoder();
        var bytes = new byte[1];
        var characters = new char[4];
        var line = 1L;
        var buffered = new BufferedStream(reader.BaseStream, 1 << 16);
        try
        {
            while (buffered.Read(bytes) > 0)
                line += decoder.GetChars(bytes, characters, flush: false) > 0 && characters[0] == '\n' ? 1 : 0;
        }
        catch (DecoderFallbackException)
        {
            buffered.CopyTo(Stream.Null);
        }

        return line;
    }

    /// <summary>Bytes that were already read, and those that follow.</summary>
    private sealed class Prefixed(ReadOnlyMemory<byte> start, Stream rest) : ForwardStream
    {
        private ReadOnlyMemory<byte> left = start;

        public override int Read(Span<byte> buffer)
        {
            if (left.IsEmpty)
                return rest.Read(buffer);
            var count = Math.Min(left.Length, buffer.Length);
            left.Span[..count].CopyTo(buffer);
            left = left[count..];
            return count;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                rest.Dispose();
            base.Dispose(disposing);
        }
    }
}
