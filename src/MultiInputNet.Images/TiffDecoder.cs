using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;

namespace MultiInputNet.Images;

/// <summary>
/// Decodes TIFF: any number of bands, as samples of a pixel or as pages, of 8 or 16 bits without a sign (to numbers from 0 to
/// 1) or 32-bit floating numbers (as they are), in strips or tiles.
/// </summary>
internal static class TiffDecoder
{
    // No compression that is read packs more tightly; deflate reaches 1,032 and LZW about 2,730.
    private const int LargestExpansion = 4096;

    public static bool IsTiff(ReadOnlySpan<byte> content) =>
        content is [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..];

    /// <param name="content">The file.</param>
    /// <param name="channels">
    /// Channels of the input. Where the first page has fewer and there are others of its size, they are the channels together.
    /// </param>
    /// <param name="largestImage">The most pixels.</param>
    /// <exception cref="InvalidDataException">The file is damaged, of a kind that is not read, or too large.</exception>
    public static PixelPlanes Decode(byte[] content, int channels, long largestImage)
    {
        using var errors = new TiffErrors();
        try
        {
            using var file = Tiff.ClientOpen("image", "r", new MemoryStream(content, writable: false), new TiffStream())
                ?? throw new InvalidDataException($"It is damaged: {errors.Last}.");
            // What is left of what the file's length warrants, and of the limit: four channels of its pixels, or fewer pixels of more.
            var (bytes, values) = ((long)content.Length * LargestExpansion, 4 * largestImage);
            var first = new TiffPage(file, bytes, values, errors).Read();
            var planes = new List<float[]>(first.Planes);
            while (planes.Count < channels && file.ReadDirectory())
            {
                var taken = (long)planes.Count * first.Height * first.Width;
                var page = new TiffPage(file, bytes - taken, values - taken, errors);
                if ((page.Height, page.Width) != (first.Height, first.Width))
                    return first; // a smaller view of the same
                planes.AddRange(page.Read().Planes);
            }

            if (planes.Count == first.Planes.Length)
                return first;
            if (planes.Count != channels || file.ReadDirectory())
                throw new InvalidDataException($"Its pages together have not the {channels} channels of the input.");
            return first with { Planes = [.. planes], IsColour = false, HasAlpha = false };
        }
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            // The decoder fails in many ways at a damaged file.
            throw new InvalidDataException($"It is damaged: {errors.Last ?? e.Message}.", e);
        }
    }

    /// <summary>The current page of a file.</summary>
    private sealed class TiffPage
    {
        private readonly Tiff file;
        private readonly TiffErrors errors;
        private readonly long largestBytes;
        private readonly int samples;
        private readonly int bits;
        private readonly bool isFloating;
        private readonly bool isPlanar;
        private readonly Photometric photometric;

        /// <exception cref="InvalidDataException">It is of a kind that is not read, or too large.</exception>
        public TiffPage(Tiff file, long largestBytes, long largestValues, TiffErrors errors)
        {
            (this.file, this.largestBytes, this.errors) = (file, largestBytes, errors);
            (Height, Width) = (Number(TiffTag.IMAGELENGTH), Number(TiffTag.IMAGEWIDTH));
            (samples, bits) = (Number(TiffTag.SAMPLESPERPIXEL), Number(TiffTag.BITSPERSAMPLE));
            var format = (SampleFormat)Number(TiffTag.SAMPLEFORMAT);
            isFloating = format == SampleFormat.IEEEFP;
            isPlanar = (PlanarConfig)Number(TiffTag.PLANARCONFIG) == PlanarConfig.SEPARATE;
            photometric = (Photometric)Number(TiffTag.PHOTOMETRIC);
            if (photometric == Photometric.YCBCR && (Compression)Number(TiffTag.COMPRESSION) == Compression.JPEG)
            {
                file.SetField(TiffTag.JPEGCOLORMODE, JpegColorMode.RGB);
                photometric = Photometric.RGB;
            }

            var values = (Int128)Height * Width * samples;
            if (Height < 1 || Width < 1 || samples < 1 || values > largestValues || values * Math.Max(1, bits / 8) > largestBytes)
                throw new InvalidDataException($"It declares {Width:N0}×{Height:N0} pixels of {samples:N0} samples, which is more than its length or the limit allows.");
            if (!(format is SampleFormat.UINT && bits is 8 or 16) && !(isFloating && bits == 32))
                throw new InvalidDataException($"Its samples are {format} of {bits} bits; UINT of 8 and 16 bits and IEEEFP of 32 are read.");
            if (photometric is not (Photometric.MINISBLACK or Photometric.MINISWHITE or Photometric.RGB or Photometric.SEPARATED or Photometric.PALETTE))
                throw new InvalidDataException($"Its colours are stored as {photometric}, which is not read.");
        }

        public int Height { get; }

        public int Width { get; }

        public PixelPlanes Read()
        {
            var planes = Enumerable.Range(0, samples).Select(_ => new float[Height * Width]).ToArray();
            if (file.IsTiled())
                ReadTiles(planes);
            else
                ReadStrips(planes);
            var isColour = photometric is Photometric.RGB or Photometric.PALETTE;
            if (photometric == Photometric.PALETTE)
                planes = Colours(planes);
            if (photometric == Photometric.MINISWHITE && !isFloating)
                planes[0] = Array.ConvertAll(planes[0], value => 1 - value);
            var extra = file.GetField(TiffTag.EXTRASAMPLES);
            var hasAlpha = extra is [var count, var kinds] && count.ToInt() == 1 && kinds.ToByteArray() is [1 or 2, ..];
            return new PixelPlanes(Height, Width, planes, isColour, hasAlpha).Oriented(Number(TiffTag.ORIENTATION));
        }

        private int Number(TiffTag tag) => file.GetFieldDefaulted(tag) is [var value, ..] ? value.ToInt() : 0;

        private void ReadStrips(float[][] planes)
        {
            var rowsPerStrip = Math.Clamp(Number(TiffTag.ROWSPERSTRIP) is > 0 and var rows ? rows : Height, 1, Height);
            var strips = (Height + rowsPerStrip - 1) / rowsPerStrip;
            var buffer = new byte[CheckBlock(rowsPerStrip, Width)];
            for (var plane = 0; plane < (isPlanar ? samples : 1); plane++)
            {
                for (var strip = 0; strip < strips; strip++)
                {
                    var top = strip * rowsPerStrip;
                    var height = Math.Min(rowsPerStrip, Height - top);
                    var length = height * Width * SampleBytes;
                    if (file.ReadEncodedStrip(plane * strips + strip, buffer, 0, length) != length)
                        throw new InvalidDataException($"It is damaged: {errors.Last ?? "a strip is too short"}.");
                    Copy(buffer, planes, plane, top, 0, height, Width, Width);
                }
            }
        }

        private void ReadTiles(float[][] planes)
        {
            var (tileHeight, tileWidth) = (Number(TiffTag.TILELENGTH), Number(TiffTag.TILEWIDTH));
            var buffer = new byte[CheckBlock(tileHeight, tileWidth)];
            for (var plane = 0; plane < (isPlanar ? samples : 1); plane++)
            {
                for (var top = 0; top < Height; top += tileHeight)
                {
                    for (var left = 0; left < Width; left += tileWidth)
                    {
                        if (file.ReadEncodedTile(file.ComputeTile(left, top, 0, (short)plane), buffer, 0, buffer.Length) != buffer.Length)
                            throw new InvalidDataException($"It is damaged: {errors.Last ?? "a tile is too short"}.");
                        Copy(buffer, planes, plane, top, left, Math.Min(tileHeight, Height - top), Math.Min(tileWidth, Width - left), tileWidth);
                    }
                }
            }
        }

        /// <summary>Bytes of a pixel in a strip or tile.</summary>
        private int SampleBytes => bits / 8 * (isPlanar ? 1 : samples);

        private int CheckBlock(int height, int width)
        {
            var bytes = (Int128)height * width * SampleBytes;
            return height > 0 && width > 0 && bytes <= Math.Min(largestBytes, Array.MaxLength)
                ? (int)bytes
                : throw new InvalidDataException($"It declares tiles or strips of {width:N0}×{height:N0} pixels, which is more than its length or the limit allows.");
        }

        private void Copy(byte[] block, float[][] planes, int plane, int top, int left, int height, int width, int blockWidth)
        {
            var stride = isPlanar ? 1 : samples;
            for (var sample = 0; sample < stride; sample++)
            {
                var target = planes[isPlanar ? plane : sample];
                for (var y = 0; y < height; y++)
                {
                    for (var x = 0; x < width; x++)
                        target[(top + y) * Width + left + x] = Value(block, (y * blockWidth + x) * stride + sample);
                }
            }
        }

        private float Value(byte[] block, int index) => bits switch
        {
            8 => photometric == Photometric.PALETTE ? block[index] : block[index] / 255f,
            16 => MemoryMarshal.Cast<byte, ushort>(block)[index] / 65535f,
            _ => MemoryMarshal.Cast<byte, float>(block)[index],
        };

        private float[][] Colours(float[][] planes)
        {
            var maps = file.GetField(TiffTag.COLORMAP)?.Select(map => map.ToUShortArray()).ToArray();
            if (bits != 8 || samples != 1 || maps is not { Length: 3 } || maps.Any(map => map is not { Length: >= 256 }))
                throw new InvalidDataException("Its palette is not of 8 bits, or damaged.");
            return [.. maps.Select(map => Array.ConvertAll(planes[0], index => map[(int)index] / 65535f))];
        }
    }
}
