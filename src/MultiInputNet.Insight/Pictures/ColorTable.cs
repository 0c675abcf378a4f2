namespace MultiInputNet.Insights;

/// <summary>The colours of a <see cref="ColorMap"/>: linear in sRGB between a few of them.</summary>
internal static class ColorTable
{
    private const int Steps = 256;

    // Eight evenly spaced colours of matplotlib's map, which is in the public domain (CC0).
    private static readonly (byte R, byte G, byte B)[] viridis =
        [(68, 1, 84), (70, 50, 126), (54, 92, 141), (39, 127, 142), (31, 161, 135), (74, 193, 109), (160, 218, 57), (253, 231, 37)];

    private static readonly (byte R, byte G, byte B)[] blueRed =
        [(23, 66, 130), (67, 132, 188), (156, 202, 225), (244, 244, 244), (246, 178, 147), (210, 87, 77), (122, 13, 37)];

    private static readonly (byte R, byte G, byte B)[] gray = [(0, 0, 0), (255, 255, 255)];

    /// <summary>256 colours as <c>(256, 3)</c> values from 0 to 1, row by row.</summary>
    public static float[] Of(ColorMap map)
    {
        var points = map switch
        {
            ColorMap.Viridis => viridis,
            ColorMap.BlueRed => blueRed,
            ColorMap.Gray => gray,
            _ => throw new ArgumentOutOfRangeException(nameof(map), map, $"Give one of {string.Join(", ", Enum.GetNames<ColorMap>())}."),
        };
        var table = new float[Steps * 3];
        for (var step = 0; step < Steps; step++)
        {
            var place = (double)step / (Steps - 1) * (points.Length - 1);
            var from = Math.Min((int)place, points.Length - 2);
            var (low, high, share) = (points[from], points[from + 1], place - from);
            table[step * 3] = Between(low.R, high.R, share);
            table[step * 3 + 1] = Between(low.G, high.G, share);
            table[step * 3 + 2] = Between(low.B, high.B, share);
        }

        return table;
    }

    private static float Between(byte low, byte high, double share) => (float)((low + (high - low) * share) / 255);
}
