namespace MultiInputNet.Images;

/// <summary>A decoded image: one plane of numbers for each channel, row by row.</summary>
/// <param name="Height">Rows of pixels.</param>
/// <param name="Width">Columns of pixels.</param>
/// <param name="Planes">A plane for each channel.</param>
/// <param name="IsColour">Whether the first three channels are red, green and blue.</param>
/// <param name="HasAlpha">Whether the last channel is opacity.</param>
internal sealed record PixelPlanes(int Height, int Width, float[][] Planes, bool IsColour, bool HasAlpha)
{
    /// <summary>The image with the declared number of channels; null where there is no way to make it.</summary>
    public PixelPlanes? WithChannels(int channels)
    {
        if (channels == Planes.Length)
            return this;
        var colours = IsColour ? 3 : 1;
        if (Planes.Length != colours + (HasAlpha ? 1 : 0))
            return null; // bands, of which none can be left out
        return channels switch
        {
            1 => this with { Planes = [IsColour ? Luminance() : Planes[0]], HasAlpha = false },
            3 => this with { Planes = Colours(), HasAlpha = false },
            4 => this with { Planes = [.. Colours(), HasAlpha ? Planes[^1] : Opaque()], HasAlpha = true },
            _ => null,
        };
    }

    /// <summary>The image as it is to be seen, where a camera stored it turned or mirrored.</summary>
    /// <param name="orientation">The orientation as EXIF and TIFF number it, from 1 to 8.</param>
    public PixelPlanes Oriented(int orientation)
    {
        if (orientation is <= 1 or > 8)
            return this;
        var isTurned = orientation >= 5;
        var (height, width) = isTurned ? (Width, Height) : (Height, Width);
        var planes = Planes.Select(plane =>
        {
            var seen = new float[plane.Length];
            for (var y = 0; y < height; y++)
            {
                for (var x = 0; x < width; x++)
                {
                    var (row, column) = isTurned ? (x, y) : (y, x);
                    row = orientation is 3 or 4 or 6 or 7 ? Height - 1 - row : row;
                    column = orientation is 2 or 3 or 7 or 8 ? Width - 1 - column : column;
                    seen[y * width + x] = plane[row * Width + column];
                }
            }

            return seen;
        });
        return this with { Height = height, Width = width, Planes = [.. planes] };
    }

    private float[][] Colours() => IsColour ? Planes[..3] : [Planes[0], Planes[0], Planes[0]];

    private float[] Opaque()
    {
        var alpha = new float[Height * Width];
        Array.Fill(alpha, 1);
        return alpha;
    }

    /// <summary>ITU-R BT.601's weights, as most programs make grey of colours.</summary>
    private float[] Luminance()
    {
        var grey = new float[Height * Width];
        for (var i = 0; i < grey.Length; i++)
            grey[i] = 0.299f * Planes[0][i] + 0.587f * Planes[1][i] + 0.114f * Planes[2][i];
        return grey;
    }
}
