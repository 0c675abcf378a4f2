using BitMiracle.LibTiff.Classic;

namespace MultiInputNet.Images;

/// <summary>
/// Decodes TIFF and BigTIFF: any number of bands, as samples of a pixel or as pages, of integers or floats (see
/// <see cref="TiffSamples"/>), in strips or tiles.
/// </summary>
internal static class TiffDecoder
{
    public static bool IsTiff(ReadOnlySpan<byte> content) =>
        content is [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..];

    /// <param name="content">The file.</param>
    /// <param name="channels">
    /// The channels of the input. If the first page has fewer and there are other pages of its size, they are the channels together.
    /// </param>
    /// <param name="largestImage">The most pixels.</param>
    /// <exception cref="InvalidDataException">The file is damaged, of an unsupported kind, or too large.</exception>
    public static PixelPlanes Decode(byte[] content, int channels, long largestImage)
    {
        using var errors = new TiffErrors();
        try
        {
            var directory = new TiffDirectory(content);
            var next = directory.Check(directory.First());

            // Do not let the decoder split large strips.
            using var file = Tiff.ClientOpen("image", "rc", new MemoryStream(content, writable: false), new TiffStream())
                ?? throw new InvalidDataException($"It is damaged: {errors.Last}.");
            var first = new TiffPage(file, content.Length, largestImage, 0, errors).Read();
            var planes = new List<Func<float[], float[]>>(first.Planes);
            while (planes.Count < channels && next != 0)
            {
                next = directory.Check(next);
                if (!file.ReadDirectory())
                    throw new InvalidDataException($"It is damaged: {errors.Last ?? "its pages lead in a circle"}.");
                if (TiffPage.IsMaskOrPreview(file))
                    continue;
                var page = new TiffPage(file, content.Length, largestImage, planes.Count, errors);
                if ((page.Height, page.Width) != (first.Height, first.Width))
                    return first; // a thumbnail of the same image
                planes.AddRange(page.Read().Planes);
            }

            if (planes.Count == first.Planes.Count)
                return first;
            if (planes.Count != channels || next != 0)
                throw new InvalidDataException($"Its pages together do not have the {channels} channels of the input.");
            return first with { Planes = planes, IsColour = false, HasAlpha = false };
        }
        catch (Exception e) when (e is not (InvalidDataException or OutOfMemoryException))
        {
            // The decoder fails in many ways on a damaged file.
            throw new InvalidDataException($"It is damaged: {errors.Last ?? e.Message}.", e);
        }
    }
}
