using System.Buffers.Binary;
using System.IO.Compression;
using ICSharpCode.SharpZipLib.Checksum;

namespace MultiInputNet.Images;

/// <summary>
/// The parts of PNG that Skia ignores: the orientation in EXIF, and the lower half of 16-bit samples (W3C PNG specification, third
/// edition).
/// </summary>
internal sealed class PngFile
{
    private static readonly byte[] signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    // First column and row, and step sizes, of the passes of an interlaced image.
    private static readonly (int X, int Y, int XStep, int YStep)[] adam7 =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private readonly byte[] content;
    private readonly List<Range> data = [];
    private readonly byte[] header = [];
    private readonly byte[]? transparent;

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public PngFile(byte[] content)
    {
        this.content = content;
        for (var at = signature.Length; at + 12 <= content.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(content.AsSpan(at));
            if (length > content.Length - at - 12)
            {
                // Pixels may be truncated in the middle, which whoever decodes them has to report.
                if (content.AsSpan(at + 4, 4).SequenceEqual("IDAT"u8))
                    data.Add((at + 8)..);
                break;
            }

            var kind = content.AsSpan(at + 4, 4);
            var body = (at + 8)..(at + 8 + (int)length);
            at += 12 + (int)length;
            if (kind.SequenceEqual("IDAT"u8))
                data.Add(body); // with a check sum of their own
            else if (kind.SequenceEqual("IEND"u8))
                break;
            else if (Crc(content, body.Start.Value - 4, (int)length + 4) != BinaryPrimitives.ReadUInt32BigEndian(content.AsSpan(body.End.Value)))
                continue;
            else if (header.Length == 0 && kind.SequenceEqual("IHDR"u8) && length == 13)
                header = content[body];
            else if (kind.SequenceEqual("tRNS"u8))
                transparent = content[body];
            else if (kind.SequenceEqual("eXIf"u8))
                Orientation = ExifOrientation(content.AsSpan(body));
        }
    }

    /// <summary>The orientation in EXIF's numbering; 1 if there is none.</summary>
    public int Orientation { get; } = 1;

    public bool Has16Bits => header is [_, _, _, _, _, _, _, _, 16, ..];

    public static bool IsPng(ReadOnlySpan<byte> content) => content.StartsWith(signature);

    /// <summary>Decodes an image with 16 bits per channel.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or too large.</exception>
    public PixelPlanes Decode(long largestImage)
    {
        var (width, height) = (BinaryPrimitives.ReadUInt32BigEndian(header), BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4)));
        var channels = header[9] switch { 0 => 1, 2 => 3, 4 => 2, 6 => 4, _ => 0 };
        if (width == 0 || height == 0 || (Int128)width * height > Math.Min(largestImage, Array.MaxLength / 4))
            throw SkiaDecoder.TooLarge(width, height, largestImage);
        var packed = data.Sum(part => (long)part.GetOffsetAndLength(content.Length).Length);
        if (channels == 0 || header[10..12] is not [0, 0] || header[12] > 1 || 2L * channels * width * height > 1032 * packed)
            throw new InvalidDataException($"It is damaged: its header declares {width:N0}×{height:N0} pixels of colour type {header[9]}, which do not fit into its {packed:N0} bytes.");

        var samples = new ushort[(int)(width * height) * channels];
        Unpack(samples, (int)width, (int)height, channels);
        var (isColour, hasAlpha) = (channels >= 3, channels is 2 or 4);
        var stride = channels;
        if (!hasAlpha && transparent is not null && transparent.Length == 2 * channels)
        {
            samples = WithAlpha(samples, channels);
            (stride, hasAlpha) = (channels + 1, true);
        }

        return PixelPlanes.Of(((int)height, (int)width), samples, stride, Enumerable.Range(0, stride), ushort.MaxValue, isColour, hasAlpha);
    }

    private void Unpack(ushort[] samples, int width, int height, int channels)
    {
        using var parts = new MemoryStream();
        foreach (var part in data)
            parts.Write(content.AsSpan(part));
        parts.Position = 0;
        using var pixels = new ZLibStream(parts, CompressionMode.Decompress);
        try
        {
            foreach (var (firstX, firstY, xStep, yStep) in header[12] == 1 ? adam7 : [(0, 0, 1, 1)])
            {
                if (firstX >= width)
                    continue;
                var row = new byte[(width - firstX + xStep - 1) / xStep * channels * 2];
                var above = new byte[row.Length];
                for (var y = firstY; y < height; y += yStep)
                {
                    var filter = pixels.ReadByte();
                    pixels.ReadExactly(row);
                    Unfilter(filter, row, above, channels * 2);
                    for (var i = 0; i < row.Length; i += 2)
                    {
                        var (pixel, channel) = Math.DivRem(i / 2, channels);
                        samples[(y * width + firstX + pixel * xStep) * channels + channel] = BinaryPrimitives.ReadUInt16BigEndian(row.AsSpan(i));
                    }

                    (row, above) = (above, row);
                }
            }

            // At the end the check sum is compared.
            _ = pixels.ReadByte();
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException("It is damaged: it ends within the image.");
        }
    }

    private static void Unfilter(int filter, Span<byte> row, ReadOnlySpan<byte> above, int pixelBytes)
    {
        for (var i = 0; i < row.Length; i++)
        {
            var left = i >= pixelBytes ? row[i - pixelBytes] : 0;
            row[i] += (byte)(filter switch
            {
                0 => 0,
                1 => left,
                2 => above[i],
                3 => (left + above[i]) / 2,
                4 => Paeth(left, above[i], i >= pixelBytes ? above[i - pixelBytes] : 0),
                _ => throw new InvalidDataException($"It is damaged: a row has filter {filter}."),
            });
        }
    }

    private static int Paeth(int left, int above, int corner)
    {
        var guess = left + above - corner;
        var (toLeft, toAbove, toCorner) = (Math.Abs(guess - left), Math.Abs(guess - above), Math.Abs(guess - corner));
        return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
    }

    /// <summary>One colour is transparent.</summary>
    private ushort[] WithAlpha(ushort[] samples, int channels)
    {
        var key = Enumerable.Range(0, channels).Select(channel => BinaryPrimitives.ReadUInt16BigEndian(transparent.AsSpan(2 * channel))).ToArray();
        var wider = new ushort[samples.Length / channels * (channels + 1)];
        for (int from = 0, to = 0; from < samples.Length; from += channels, to += channels + 1)
        {
            var pixel = samples.AsSpan(from, channels);
            pixel.CopyTo(wider.AsSpan(to));
            wider[to + channels] = pixel.SequenceEqual(key) ? (ushort)0 : ushort.MaxValue;
        }

        return wider;
    }

    private static int ExifOrientation(ReadOnlySpan<byte> exif)
    {
        const int Tag = 0x0112;
        if (exif.StartsWith("Exif\0\0"u8))
            exif = exif[6..];
        var isBigEndian = exif is [(byte)'M', (byte)'M', ..];
        if (exif.Length < 8 || Number(exif, 4, 4, isBigEndian) is var directory && directory > exif.Length - 2)
            return 1;
        var entries = exif[((int)directory + 2)..];
        for (var count = Number(exif, (int)directory, 2, isBigEndian); count > 0 && entries.Length >= 12; count--, entries = entries[12..])
        {
            if (Number(entries, 0, 2, isBigEndian) == Tag && Number(entries, 8, 2, isBigEndian) is >= 1 and <= 8 and var orientation)
                return (int)orientation;
        }

        return 1;
    }

    private static uint Number(ReadOnlySpan<byte> bytes, int at, int length, bool isBigEndian) => (length, isBigEndian) switch
    {
        (2, true) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]),
        (2, false) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]),
        (_, true) => BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]),
        _ => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]),
    };

    private static uint Crc(byte[] content, int start, int length)
    {
        var checksum = new Crc32();
        checksum.Update(new ArraySegment<byte>(content, start, length));
        return (uint)checksum.Value;
    }
}
