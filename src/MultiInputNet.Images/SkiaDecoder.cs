using SkiaSharp;

namespace MultiInputNet.Images;

/// <summary>Decodes PNG, JPEG, BMP, WebP and what else Skia knows, to numbers from 0 to 1 of 8 bits.</summary>
internal static class SkiaDecoder
{
    /// <exception cref="InvalidDataException">The file is damaged, of another kind, or too large.</exception>
    public static PixelPlanes Decode(byte[] content, long largestImage)
    {
        using var data = SKData.CreateCopy(content);
        using var codec = SKCodec.Create(data) ?? throw new InvalidDataException("It is no image of a kind that is read: PNG, JPEG, BMP, WebP, GIF or TIFF.");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if (width < 1 || height < 1 || (long)width * height > largestImage)
            throw new InvalidDataException($"It declares {width:N0}×{height:N0} pixels, and at most {largestImage:N0} are read.");

        // Without a colour space in it, the numbers come as they are stored.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap();
        if (!bitmap.TryAllocPixels(info))
            throw new InvalidDataException($"Its {width:N0}×{height:N0} pixels do not fit into memory.");
        var result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
            throw new InvalidDataException($"It is damaged: {(result == SKCodecResult.IncompleteInput ? "it ends within the image" : result)}.");

        var isGrey = codec.Info.ColorType == SKColorType.Gray8;
        var hasAlpha = codec.Info.AlphaType != SKAlphaType.Opaque;
        int[] channels = [.. isGrey ? [0] : (int[])[0, 1, 2], .. hasAlpha ? [3] : (int[])[]];
        var planes = channels.Select(channel => Plane(bitmap, channel)).ToArray();
        return new PixelPlanes(height, width, planes, !isGrey, hasAlpha).Oriented((int)codec.EncodedOrigin);
    }

    private static float[] Plane(SKBitmap bitmap, int channel)
    {
        // Read once: these properties ask the native library.
        var pixels = bitmap.GetPixelSpan();
        var (height, width, rowBytes) = (bitmap.Height, bitmap.Width, bitmap.RowBytes);
        var plane = new float[height * width];
        for (var y = 0; y < height; y++)
        {
            var row = pixels.Slice(y * rowBytes, width * 4);
            var target = plane.AsSpan(y * width, width);
            for (var x = 0; x < target.Length; x++)
                target[x] = row[x * 4 + channel] / 255f;
        }

        return plane;
    }
}
