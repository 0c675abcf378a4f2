namespace MultiInputNet.Images;

/// <summary>
/// Resizes a plane with a triangle filter as wide as an output pixel: linear interpolation when enlarging, and an average over all that a
/// pixel covers when shrinking.
/// </summary>
internal static class Resampling
{
    /// <summary>A part of a plane, resized.</summary>
    /// <param name="plane">The plane, row by row.</param>
    /// <param name="size">Its height and width.</param>
    /// <param name="box">The part: its upper and left edge, its height and width, in pixels.</param>
    /// <param name="target">The new height and width.</param>
    public static float[] Resize(float[] plane, (int Height, int Width) size, (double Top, double Left, double Height, double Width) box, (int Height, int Width) target)
    {
        if (box == (0, 0, size.Height, size.Width) && target == size)
            return plane;
        var columns = Weights(size.Width, box.Left, box.Width, target.Width);
        var rows = Weights(size.Height, box.Top, box.Height, target.Height);

        // Only the rows that the result needs are resized horizontally.
        var (firstRow, lastRow) = (rows[0].First, rows[^1].First + rows[^1].Values.Length);
        var narrowed = new float[(lastRow - firstRow) * target.Width];
        for (var y = firstRow; y < lastRow; y++)
        {
            var row = plane.AsSpan(y * size.Width, size.Width);
            for (var x = 0; x < target.Width; x++)
                narrowed[(y - firstRow) * target.Width + x] = Sum(columns[x].Values, row.Slice(columns[x].First, columns[x].Values.Length));
        }

        var result = new float[target.Height * target.Width];
        for (var y = 0; y < target.Height; y++)
        {
            for (var i = 0; i < rows[y].Values.Length; i++)
                Add(rows[y].Values[i], narrowed.AsSpan((rows[y].First - firstRow + i) * target.Width, target.Width), result.AsSpan(y * target.Width, target.Width));
        }

        return result;
    }

    /// <summary>For each new pixel along one side, the old ones that contribute to it.</summary>
    private static (int First, float[] Values)[] Weights(int size, double start, double length, int target)
    {
        var scale = length / target;
        var reach = Math.Max(scale, 1);
        return [.. Enumerable.Range(0, target).Select(pixel =>
        {
            var centre = start + (pixel + 0.5) * scale;
            var first = Math.Max(0, (int)(centre - reach + 0.5));
            var end = Math.Min(size, (int)(centre + reach + 0.5));
            var weights = Enumerable.Range(first, end - first).Select(old => Math.Max(0, 1 - Math.Abs((old + 0.5 - centre) / reach))).ToArray();
            var sum = weights.Sum();
            return (first, weights.Select(weight => (float)(weight / sum)).ToArray());
        })];
    }

    private static float Sum(ReadOnlySpan<float> weights, ReadOnlySpan<float> values)
    {
        var sum = 0f;
        for (var i = 0; i < weights.Length && i < values.Length; i++)
            sum += weights[i] * values[i];
        return sum;
    }

    private static void Add(float weight, ReadOnlySpan<float> values, Span<float> sums)
    {
        for (var i = 0; i < values.Length && i < sums.Length; i++)
            sums[i] += weight * values[i];
    }
}
