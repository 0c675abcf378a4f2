using System.Globalization;
using System.Text;
using BitMiracle.LibTiff.Classic;

namespace MultiInputNet.Images;

/// <summary>The current page of a TIFF.</summary>
internal sealed class TiffPage
{
    // No compression is tighter, except those for fax: deflate reaches a factor of 1,032 and LZW about 2,730.
    private const int LargestExpansion = 4096;

    // Tiles may be larger than small images.
    private const int LargestBlock = 1 << 24;

    // What the decoder does not name.
    private const TiffTag GdalNoData = (TiffTag)42113;
    private static readonly Dictionary<int, string> otherCompressions = new()
    {
        [34712] = "JPEG 2000", [34887] = "LERC", [34925] = "LZMA", [50000] = "ZSTD", [50001] = "WebP", [50002] = "JPEG XL", [52546] = "JPEG XL",
    };

    private readonly Tiff file;
    private readonly TiffErrors errors;
    private readonly long fileLength;
    private readonly long largestImage;
    private readonly int planeCount;
    private readonly TiffSamples samples;
    private readonly bool isPlanar;
    private readonly bool isAccumulated;
    private readonly Photometric photometric;
    private readonly ExtraSample[] extra;
    private readonly ulong[] offsets;
    private readonly ulong[] byteCounts;

    /// <param name="file">The file, at the page.</param>
    /// <param name="fileLength">Its length in bytes.</param>
    /// <param name="largestImage">
    /// The most pixels; with more than four channels, counting planes of other pages, proportionally fewer.
    /// </param>
    /// <param name="planesBefore">The number of planes from other pages.</param>
    /// <param name="errors">What the decoder reports.</param>
    /// <exception cref="InvalidDataException">It is of an unsupported kind, or too large.</exception>
    public TiffPage(Tiff file, long fileLength, long largestImage, int planesBefore, TiffErrors errors)
    {
        (this.file, this.fileLength, this.largestImage, this.errors) = (file, fileLength, largestImage, errors);
        (Height, Width, planeCount) = (Number(TiffTag.IMAGELENGTH), Number(TiffTag.IMAGEWIDTH), Number(TiffTag.SAMPLESPERPIXEL));
        var pixels = (Int128)Height * Width;
        if (Height < 1 || Width < 1 || planeCount < 1 || pixels > Math.Min(largestImage, Array.MaxLength) || pixels * (planesBefore + planeCount) > 4 * (Int128)largestImage)
        {
            throw new InvalidDataException(
                $"It declares {Width:N0}×{Height:N0} pixels of {planesBefore + planeCount:N0} channels, but at most {largestImage:N0} with 4 channels, or fewer with more, are allowed.");
        }

        var compression = (Compression)Number(TiffTag.COMPRESSION);
        if (!file.IsCodecConfigured(compression))
        {
            var name = otherCompressions.GetValueOrDefault((int)compression) ?? (Enum.IsDefined(compression) ? $"{compression}" : $"method {(int)compression}");
            throw new InvalidDataException($"It is compressed with {name}, which is not supported: convert it, for example with gdal_translate -co COMPRESS=DEFLATE.");
        }

        samples = new((SampleFormat)Number(TiffTag.SAMPLEFORMAT), Number(TiffTag.BITSPERSAMPLE));
        if (!samples.IsRead)
        {
            throw new InvalidDataException(
                $"Its samples are {samples.Format} of {samples.Bits} bits; UINT of 1 to 16, 24, 32 and 64, INT of 8, 16, 32 and 64, and IEEEFP of 16, 24, 32 and 64 bits are supported.");
        }

        extra = file.GetField(TiffTag.EXTRASAMPLES) is [_, var kinds] && kinds.Value is ExtraSample[] found ? found : [];
        isPlanar = (PlanarConfig)Number(TiffTag.PLANARCONFIG) == PlanarConfig.SEPARATE && planeCount > 1;

        // Without the tag, the number of samples decides.
        photometric = file.GetField(TiffTag.PHOTOMETRIC) is [var value] ? (Photometric)value.ToInt() : planeCount - extra.Length == 3 ? Photometric.RGB : Photometric.MINISBLACK;
        if (photometric == Photometric.YCBCR && compression == Compression.JPEG)
        {
            file.SetField(TiffTag.JPEGCOLORMODE, JpegColorMode.RGB);
            photometric = Photometric.RGB;
        }

        var colours = photometric switch
        {
            Photometric.MINISBLACK or Photometric.MINISWHITE or Photometric.MASK or Photometric.PALETTE => 1,
            Photometric.RGB => 3,
            Photometric.SEPARATED => IsCmyk ? 4 : 1,
            _ => throw new InvalidDataException($"Its colours are stored as {photometric}, which is not supported: convert them to RGB."),
        };
        if (planeCount < colours + extra.Length)
            throw new InvalidDataException($"It is damaged: it has {planeCount} channels, {extra.Length} of them besides its colours, which are {photometric}.");
        if (samples.Bits == 64 && (BitMiracle.LibTiff.Classic.Predictor)Number(TiffTag.PREDICTOR) == BitMiracle.LibTiff.Classic.Predictor.HORIZONTAL)
        {
            file.SetField(TiffTag.PREDICTOR, BitMiracle.LibTiff.Classic.Predictor.NONE);
            isAccumulated = true;
        }

        (offsets, byteCounts) = (Numbers(TiffTag.STRIPOFFSETS), Numbers(TiffTag.STRIPBYTECOUNTS));
    }

    public int Height { get; }

    public int Width { get; }

    private bool IsCmyk => (InkSet)Number(TiffTag.INKSET) == InkSet.CMYK;

    /// <summary>Whether the current page is a mask or a thumbnail of another.</summary>
    public static bool IsMaskOrPreview(Tiff file) =>
        file.GetField(TiffTag.SUBFILETYPE) is [var kind] && (kind.ToInt() & (int)(FileType.MASK | FileType.REDUCEDIMAGE)) != 0;

    public PixelPlanes Read()
    {
        CheckBlocks();
        float[][] planes = [.. Enumerable.Range(0, planeCount).Select(_ => new float[Height * Width])];
        errors.BeginPixels();
        if (file.IsTiled())
            ReadTiles(planes);
        else
            ReadStrips(planes);

        var isColour = photometric is Photometric.RGB or Photometric.PALETTE;
        if (photometric == Photometric.PALETTE)
            planes = Colours(planes);
        if (photometric == Photometric.MINISWHITE && !samples.HasSign)
            planes[0] = Array.ConvertAll(planes[0], value => 1 - value);
        if (photometric == Photometric.SEPARATED && IsCmyk)
        {
            planes = FromInks(planes);
            isColour = true;
        }

        var colours = isColour ? 3 : 1;
        if (Array.IndexOf(extra, ExtraSample.ASSOCALPHA) is >= 0 and var place && planes.Length == colours + extra.Length)
            DivideBy(planes[colours + place], planes.AsSpan(0, colours));
        var hasAlpha = extra is [ExtraSample.ASSOCALPHA or ExtraSample.UNASSALPHA];
        return new PixelPlanes(Height, Width, [.. planes.Select(plane => (Func<float[], float[]>)(_ => plane))], isColour, hasAlpha).Oriented(Number(TiffTag.ORIENTATION));
    }

    private int Number(TiffTag tag) => file.GetFieldDefaulted(tag) is [var value, ..] ? value.ToInt() : 0;

    private ulong[] Numbers(TiffTag tag) => file.GetField(tag) is [{ Value: ulong[] numbers }]
        ? numbers
        : throw new InvalidDataException("It is damaged: it does not give the position of its pixels.");

    /// <summary>Strips and tiles that were never written have no position or no bytes in the file (GDAL's sparse files).</summary>
    private bool IsThere(int block) => offsets[block] != 0 && byteCounts[block] != 0;

    /// <summary>Compares the declared size with what the actual bytes can expand to, before memory is allocated.</summary>
    private void CheckBlocks()
    {
        var (height, width) = BlockSize;
        var bytes = BlockBytes(height, width);
        var (there, packed, mostPacked) = ((Int128)0, (Int128)0, 0UL);
        for (var block = 0; block < offsets.Length; block++)
        {
            if (!IsThere(block))
                continue;
            if (offsets[block] > (ulong)fileLength || byteCounts[block] > (ulong)fileLength - offsets[block])
                throw new InvalidDataException($"It is damaged or truncated: a strip or tile is said to be at byte {offsets[block]:N0} of {fileLength:N0}, with {byteCounts[block]:N0} bytes.");
            there += bytes;
            packed += byteCounts[block];
            mostPacked = Math.Max(mostPacked, byteCounts[block]);
        }

        var isFax = (Compression)Number(TiffTag.COMPRESSION) is Compression.CCITTRLE or Compression.CCITTRLEW or Compression.CCITTFAX3 or Compression.CCITTFAX4;
        var isTooMuch = !isFax && there > 0 && (bytes > (Int128)mostPacked * LargestExpansion || Int128.Min(there, ImageBytes) > packed * LargestExpansion);
        if (height < 1 || width < 1 || (Int128)height * width > Math.Max(largestImage, LargestBlock) || bytes > Array.MaxLength || isTooMuch)
            throw new InvalidDataException($"It is damaged: it declares strips or tiles of {width:N0}×{height:N0} pixels, which is more than its bytes can hold.");
    }

    private (int Height, int Width) BlockSize => file.IsTiled()
        ? (Number(TiffTag.TILELENGTH), Number(TiffTag.TILEWIDTH))
        : (Math.Clamp(Number(TiffTag.ROWSPERSTRIP) is > 0 and var rows ? rows : Height, 1, Height), Width);

    private int SamplesPerBlockPixel => isPlanar ? 1 : planeCount;

    private Int128 ImageBytes => BlockBytes(Height, Width) * (isPlanar ? planeCount : 1);

    private Int128 BlockBytes(int height, int width) => height * samples.Bytes((Int128)width * SamplesPerBlockPixel);

    private void ReadStrips(float[][] planes)
    {
        var (rows, width) = BlockSize;
        var strips = (Height + rows - 1) / rows;
        var buffer = new byte[(int)BlockBytes(rows, width)];
        for (var plane = 0; plane < (isPlanar ? planeCount : 1); plane++)
        {
            for (var strip = 0; strip < strips; strip++)
            {
                var (top, block) = (strip * rows, plane * strips + strip);
                var height = Math.Min(rows, Height - top);
                var length = (int)BlockBytes(height, width);
                if (!IsThere(block))
                    Fill(planes, plane, top, 0, height, width);
                else if (file.ReadEncodedStrip(block, buffer, 0, length) != length || errors.Last is not null)
                    throw new InvalidDataException($"It is damaged: {errors.Last ?? "a strip is too short"}.");
                else
                    Copy(buffer, planes, plane, top, 0, height, width, width);
            }
        }
    }

    private void ReadTiles(float[][] planes)
    {
        var (tileHeight, tileWidth) = BlockSize;
        var buffer = new byte[(int)BlockBytes(tileHeight, tileWidth)];
        for (var plane = 0; plane < (isPlanar ? planeCount : 1); plane++)
        {
            for (var top = 0; top < Height; top += tileHeight)
            {
                for (var left = 0; left < Width; left += tileWidth)
                {
                    var (height, width) = (Math.Min(tileHeight, Height - top), Math.Min(tileWidth, Width - left));
                    var tile = file.ComputeTile(left, top, 0, (short)plane);
                    if (!IsThere(tile))
                        Fill(planes, plane, top, left, height, width);
                    else if (file.ReadEncodedTile(tile, buffer, 0, buffer.Length) != buffer.Length || errors.Last is not null)
                        throw new InvalidDataException($"It is damaged: {errors.Last ?? "a tile is too short"}.");
                    else
                        Copy(buffer, planes, plane, top, left, height, width, tileWidth);
                }
            }
        }
    }

    private void Copy(byte[] block, float[][] planes, int plane, int top, int left, int height, int width, int blockWidth)
    {
        var stride = SamplesPerBlockPixel;
        var rowBytes = (int)samples.Bytes((Int128)blockWidth * stride);
        var values = new double[width * stride];
        var scale = photometric == Photometric.PALETTE ? 1 : samples.Largest;
        for (var y = 0; y < height; y++)
        {
            var row = block.AsSpan(y * rowBytes, rowBytes);
            if (isAccumulated)
                TiffSamples.Accumulate(row, stride);
            samples.Read(row, values);
            for (var sample = 0; sample < stride; sample++)
            {
                var target = planes[isPlanar ? plane : sample].AsSpan((top + y) * Width + left, width);
                for (var x = 0; x < width; x++)
                    target[x] = (float)(values[x * stride + sample] / scale);
            }
        }
    }

    /// <summary>Fills a strip or tile that was never written with GDAL's no-data value, or 0.</summary>
    private void Fill(float[][] planes, int plane, int top, int left, int height, int width)
    {
        // Asking for a tag that does not exist counts as an error.
        var text = file.GetField(GdalNoData) is [.., var field] ? Encoding.ASCII.GetString(field.GetBytes() ?? []).TrimEnd('\0').Trim() : "0";
        errors.BeginPixels();
        var value = (float)((double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : 0) / samples.Largest);
        foreach (var target in isPlanar ? planes.AsSpan(plane, 1) : planes)
        {
            for (var y = top; y < top + height; y++)
                target.AsSpan(y * Width + left, width).Fill(value);
        }
    }

    private float[][] Colours(float[][] planes)
    {
        var maps = file.GetField(TiffTag.COLORMAP)?.Select(map => map.ToUShortArray()).ToArray();
        if (samples.HasSign || samples.Bits > 16 || planeCount != 1 || maps is not { Length: 3 } || maps.Any(map => map?.Length != 1 << samples.Bits))
            throw new InvalidDataException("Its palette is damaged, or its pixels are not single integers of at most 16 bits.");

        // Some programs write 8-bit colours where 16 bits are required.
        var largest = maps.All(map => map!.All(colour => colour <= byte.MaxValue)) ? byte.MaxValue : ushort.MaxValue;
        return [.. maps.Select(map => Array.ConvertAll(planes[0], index => map![(int)index] / (float)largest))];
    }

    /// <summary>Converts cyan, magenta, yellow and black to red, green and blue, without a colour profile.</summary>
    private static float[][] FromInks(float[][] planes)
    {
        for (var i = 0; i < planes[0].Length; i++)
        {
            foreach (var ink in planes.AsSpan(0, 3))
                ink[i] = (1 - ink[i]) * (1 - planes[3][i]);
        }

        return [.. planes[..3], .. planes[4..]];
    }

    /// <summary>Divides premultiplied alpha out of the colours.</summary>
    private void DivideBy(float[] alpha, Span<float[]> colours)
    {
        var largest = samples.IsFloating ? float.MaxValue : 1;
        foreach (var colour in colours)
        {
            for (var i = 0; i < alpha.Length; i++)
                colour[i] = alpha[i] > 0 ? Math.Min(colour[i] / alpha[i], largest) : colour[i];
        }
    }
}
