using static TorchSharp.torch;

namespace MultiInputNet.Images;

/// <summary>
/// Reads image files of any size as batches of an input: decodes them, applies the EXIF orientation, converts them to the input's channels
/// and resizes them as the input declares.
/// </summary>
/// <remarks>
/// <para>JPEG, BMP, WebP and GIF (its first frame) have 8 bits per channel, PNG 8 or 16; TIFF and BigTIFF have any number of bands, as
/// samples or as pages, of integers of 1 to 64 bits or floats of 16 to 64. Integers are divided by the largest value of their type, so that
/// they become 0 to 1, or -1 to 1 if signed; floats are unchanged. Colour profiles are not applied; premultiplied alpha is divided out, and
/// CMYK is converted to RGB. Strips and tiles of a TIFF that were never written get GDAL's no-data value, or 0.</para>
/// <para>Grey is converted to RGB and RGB to grey (ITU-R BT.601), and an alpha channel is added as 1 or dropped, as the input's channels
/// require; any other number of bands must be that of the file. Images are turned as their EXIF orientation says.</para>
/// <para>Files are not trusted: a declared size is checked before anything is allocated, and a missing or damaged part is an error.</para>
/// </remarks>
public static class ImageFiles
{
    /// <summary>
    /// The default limit of pixels per file: 67,108,864, as in 8192×8192. A few kilobytes can declare that many; decoding them takes 0.5 to
    /// 0.8 GB, and up to 1.6 GB for a TIFF with four channels.
    /// </summary>
    public const long LargestImage = 8192 * 8192;

    /// <summary>Reads a file as a batch of one image.</summary>
    /// <param name="input">The input, such as that of a loaded model: <c>model.Description.Input&lt;ImageInput&gt;("photo")</c>.</param>
    /// <param name="path">The file.</param>
    /// <param name="largestImage">
    /// The most pixels that it may have; the limit is proportionally lower for a TIFF with more than four bands.
    /// </param>
    /// <returns>The batch, <c>(1, channels, height, width)</c> in Float32 on the CPU; the model standardises it.</returns>
    /// <exception cref="MultiInputException">The file is damaged, of an unsupported kind, too large, or has other channels.</exception>
    public static Tensor Read(ImageInput input, string path, long largestImage = LargestImage)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Batch(input, ReadValues(input, path, largestImage));
    }

    /// <summary>Reads a file's content as a batch of one image.</summary>
    /// <param name="input">The input.</param>
    /// <param name="content">The content, such as an upload.</param>
    /// <returns>The batch, <c>(1, channels, height, width)</c> in Float32 on the CPU; the model standardises it.</returns>
    /// <exception cref="MultiInputException">The content is damaged, of an unsupported kind, too large, or has other channels.</exception>
    public static Tensor Read(ImageInput input, byte[] content) => Read(input, content, LargestImage);

    /// <summary>Reads a stream to its end as a batch of one image.</summary>
    /// <param name="input">The input.</param>
    /// <param name="stream">The stream, which stays open. At most 1 GiB is read.</param>
    /// <returns>The batch, <c>(1, channels, height, width)</c> in Float32 on the CPU; the model standardises it.</returns>
    /// <exception cref="MultiInputException">
    /// The stream cannot be read, or its content is damaged, of an unsupported kind, too large, or has other channels.
    /// </exception>
    public static Tensor Read(ImageInput input, Stream stream) => Read(input, stream, LargestImage);

    internal static Tensor Read(ImageInput input, byte[] content, long largestImage)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(content);
        return Batch(input, Prepare(input, "image", () => content, largestImage));
    }

    internal static Tensor Read(ImageInput input, Stream stream, long largestImage)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(stream);
        return Batch(input, Prepare(input, "image", () => ReadToEnd(stream), largestImage));
    }

    /// <summary>The values of an image, channel by channel and row by row.</summary>
    internal static float[] ReadValues(ImageInput input, string path, long largestImage)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        return Prepare(input, $"file '{path}'", () => RegularFile.ReadAllBytes(path), largestImage);
    }

    private static Tensor Batch(ImageInput input, float[] values) => tensor(values).view(1, input.Channels, input.Height, input.Width);

    private static byte[] ReadToEnd(Stream stream)
    {
        const int Most = 1 << 30;
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (stream.Read(buffer) is > 0 and var count)
        {
            if (content.Length + count > Most)
                throw new InvalidDataException($"It has more than {Most:N0} bytes.");
            content.Write(buffer, 0, count);
        }

        return content.ToArray();
    }

    private static float[] Prepare(ImageInput input, string subject, Func<byte[]> read, long largestImage)
    {
        try
        {
            var content = read();
            if (content.Length == 0)
                throw new InvalidDataException("It is empty.");
            var image = Decode(content, input.Channels, largestImage);
            var fitting = image.WithChannels(input.Channels)
                ?? throw new InvalidDataException($"It has {image.Planes.Count} channels, but the input has {input.Channels}.");
            var buffer = new float[image.Height * image.Width];
            var values = new float[input.Channels * input.Height * input.Width];
            foreach (var (channel, plane) in fitting.Planes.Index())
                Fit(plane(buffer), (image.Height, image.Width), input).CopyTo(values, channel * input.Height * input.Width);
            return values;
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException(
                subject, ModelComponent.File, e.Message, $"Give an image that can be brought to {input.Channels} channels, or skip such files.", e);
        }
    }

    private static PixelPlanes Decode(byte[] content, int channels, long largestImage)
    {
        if (TiffDecoder.IsTiff(content))
            return TiffDecoder.Decode(content, channels, largestImage);
        if (!PngFile.IsPng(content))
            return SkiaDecoder.Decode(content, largestImage);
        var png = new PngFile(content);
        return (png.Has16Bits ? png.Decode(largestImage) : SkiaDecoder.Decode(content, largestImage)).Oriented(png.Orientation);
    }

    private static float[] Fit(float[] plane, (int Height, int Width) size, ImageInput input)
    {
        var target = (input.Height, input.Width);
        var (byHeight, byWidth) = ((double)input.Height / size.Height, (double)input.Width / size.Width);
        if (input.Resize == Resize.Stretch)
            return Resampling.Resize(plane, size, (0, 0, size.Height, size.Width), target);
        if (input.Resize == Resize.CentreCrop)
        {
            var scale = Math.Max(byHeight, byWidth);
            var (height, width) = (input.Height / scale, input.Width / scale);
            return Resampling.Resize(plane, size, ((size.Height - height) / 2, (size.Width - width) / 2, height, width), target);
        }

        var fit = Math.Min(byHeight, byWidth);
        var inner = (Height: Fitted(size.Height * fit, input.Height), Width: Fitted(size.Width * fit, input.Width));
        var resized = Resampling.Resize(plane, size, (0, 0, size.Height, size.Width), inner);
        var padded = new float[input.Height * input.Width];
        var (top, left) = ((input.Height - inner.Height) / 2, (input.Width - inner.Width) / 2);
        for (var y = 0; y < inner.Height; y++)
            resized.AsSpan(y * inner.Width, inner.Width).CopyTo(padded.AsSpan((top + y) * input.Width + left));
        return padded;
    }

    private static int Fitted(double size, int largest) => Math.Clamp((int)Math.Round(size), 1, largest);
}
