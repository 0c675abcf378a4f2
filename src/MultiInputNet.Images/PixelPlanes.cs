namespace MultiInputNet.Images;

/// <summary>A decoded image: one plane of numbers per channel, row by row.</summary>
/// <param name="Height">The number of pixel rows.</param>
/// <param name="Width">The number of pixel columns.</param>
/// <param name="Planes">
/// Returns the plane of each channel, either in the array that it is given, which has as many numbers as there are pixels, or in an array
/// of its own: planes that are produced on demand, each overwriting the last, take the memory of one.
/// </param>
/// <param name="IsColour">Whether the first three channels are red, green and blue.</param>
/// <param name="HasAlpha">Whether the last channel is alpha.</param>
internal sealed record PixelPlanes(int Height, int Width, IReadOnlyList<Func<float[], float[]>> Planes, bool IsColour, bool HasAlpha)
{
    /// <summary>An image from interleaved samples, pixel by pixel.</summary>
    /// <param name="size">Its height and width.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="stride">Samples per pixel.</param>
    /// <param name="channels">Which of them are the channels.</param>
    /// <param name="largest">The largest value of a sample, which becomes 1.</param>
    /// <param name="isColour">Whether the first three channels are red, green and blue.</param>
    /// <param name="hasAlpha">Whether the last channel is alpha.</param>
    public static PixelPlanes Of<T>((int Height, int Width) size, T[] samples, int stride, IEnumerable<int> channels, float largest, bool isColour, bool hasAlpha)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        return new(size.Height, size.Width, [.. channels.Select(channel => (Func<float[], float[]>)(plane => Plane(plane, channel)))], isColour, hasAlpha);

        float[] Plane(float[] plane, int channel)
        {
            for (var i = 0; i < plane.Length; i++)
                plane[i] = float.CreateTruncating(samples[i * stride + channel]) / largest;
            return plane;
        }
    }

    /// <summary>The image with the declared number of channels; null if it cannot be converted.</summary>
    public PixelPlanes? WithChannels(int channels)
    {
        if (channels == Planes.Count)
            return this;
        var colours = IsColour ? 3 : 1;
        if (Planes.Count != colours + (HasAlpha ? 1 : 0))
            return null; // bands, none of which can be dropped
        return channels switch
        {
            1 => this with { Planes = [IsColour ? Luminance : Planes[0]], HasAlpha = false },
            3 => this with { Planes = Colours(), HasAlpha = false },
            4 => this with { Planes = [.. Colours(), HasAlpha ? Planes[^1] : Opaque], HasAlpha = true },
            _ => null,
        };
    }

    /// <summary>The image as it is meant to be seen, if a camera stored it turned or mirrored.</summary>
    /// <param name="orientation">The orientation as EXIF and TIFF number it, from 1 to 8.</param>
    public PixelPlanes Oriented(int orientation)
    {
        if (orientation is <= 1 or > 8)
            return this;
        var isTurned = orientation >= 5;
        var (height, width) = isTurned ? (Width, Height) : (Height, Width);
        float[]? before = null;
        return this with { Height = height, Width = width, Planes = [.. Planes.Select(plane => (Func<float[], float[]>)(seen => Turn(plane(before ??= new float[Height * Width]), seen)))] };

        float[] Turn(float[] stored, float[] seen)
        {
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    var (row, column) = isTurned ? (x, y) : (y, x);
                    row = orientation is 3 or 4 or 6 or 7 ? Height - 1 - row : row;
                    column = orientation is 2 or 3 or 7 or 8 ? Width - 1 - column : column;
                    seen[y * width + x] = stored[row * Width + column];
                }
            }

            return seen;
        }
    }

    private IReadOnlyList<Func<float[], float[]>> Colours() => IsColour ? [.. Planes.Take(3)] : [Planes[0], Planes[0], Planes[0]];

    private static float[] Opaque(float[] alpha)
    {
        Array.Fill(alpha, 1);
        return alpha;
    }

    /// <summary>The weights of ITU-R BT.601, with which most programs convert colours to grey.</summary>
    private float[] Luminance(float[] grey)
    {
        Array.Clear(grey);
        var buffer = new float[grey.Length];
        foreach (var (read, weight) in Planes.Zip([0.299f, 0.587f, 0.114f]))
        {
            var plane = read(buffer);
            for (var i = 0; i < grey.Length; i++)
                grey[i] += weight * plane[i];
        }

        return grey;
    }
}
