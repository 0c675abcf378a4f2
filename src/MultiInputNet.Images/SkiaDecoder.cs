using System.Runtime.InteropServices;
using SkiaSharp;

namespace MultiInputNet.Images;

/// <summary>Decodes PNG, JPEG, BMP, WebP and whatever else Skia supports, from 8 bits to numbers from 0 to 1.</summary>
internal static class SkiaDecoder
{
    /// <exception cref="InvalidDataException">The file is damaged, of an unsupported kind, or too large.</exception>
    public static PixelPlanes Decode(byte[] content, long largestImage)
    {
        using var data = SKData.CreateCopy(content);
        using var codec = SKCodec.Create(data) ?? throw new InvalidDataException("It is not an image of a supported kind: PNG, JPEG, BMP, WebP, GIF or TIFF.");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if (width < 1 || height < 1 || (long)width * height > Math.Min(largestImage, Array.MaxLength / 4))
            throw TooLarge(width, height, largestImage);

        // Without a colour space, the numbers come as they are stored.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        var pixels = new byte[height * info.RowBytes];
        var pinned = GCHandle.Alloc(pixels, GCHandleType.Pinned);
        try
        {
            var result = codec.GetPixels(info, pinned.AddrOfPinnedObject());
            if (result != SKCodecResult.Success)
                throw new InvalidDataException($"It is damaged: {(result == SKCodecResult.IncompleteInput ? "it ends within the image" : result)}.");
        }
        finally
        {
            pinned.Free();
        }

        var isGrey = codec.Info.ColorType == SKColorType.Gray8;
        var hasAlpha = codec.Info.AlphaType != SKAlphaType.Opaque;
        int[] channels = [.. isGrey ? [0] : (int[])[0, 1, 2], .. hasAlpha ? [3] : (int[])[]];
        return PixelPlanes.Of((height, width), pixels, 4, channels, byte.MaxValue, !isGrey, hasAlpha).Oriented((int)codec.EncodedOrigin);
    }

    public static InvalidDataException TooLarge(long width, long height, long largestImage) =>
        new($"It declares {width:N0}×{height:N0} pixels, but at most {largestImage:N0} are allowed.");
}
