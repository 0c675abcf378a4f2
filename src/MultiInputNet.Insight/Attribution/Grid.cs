using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>The results of a layer as maps: those of tokens by the grid of patches that they stand for.</summary>
internal static class Grid
{
    /// <summary>Maps of a layer's results.</summary>
    /// <param name="values">Maps, or tokens, <c>(batch, tokens, channels)</c>.</param>
    /// <param name="path">The input whose features they are.</param>
    /// <returns>Maps, <c>(batch, channels, height, width)</c>; null if the result is something else.</returns>
    public static Tensor? Maps(Tensor values, InputPath path)
    {
        if (values.dim() == 4)
            return values;
        if (values.dim() != 3)
            return null;
        using var scope = NewDisposeScope();
        var tokens = values.shape[1];
        var (rows, columns) = Of(tokens, path.Projected);
        return values.narrow(1, tokens - rows * columns, rows * columns).transpose(1, 2).reshape(values.shape[0], -1, rows, columns).MoveToOuterDisposeScope();
    }

    /// <summary>Maps as large as samples.</summary>
    /// <param name="maps"><c>(batch, height, width)</c>.</param>
    /// <param name="model">The model.</param>
    /// <param name="path">The input.</param>
    /// <returns><c>(batch, height, width)</c> of an image, <c>(batch, steps)</c> of a sequence; null for inputs without positions.</returns>
    public static Tensor? Resize(Tensor maps, MultiInputModel model, InputPath path)
    {
        using var scope = NewDisposeScope();
        var type = maps.dtype;
        var all = maps.unsqueeze(1).to(type.AtLeastSingle());
        if (path.Spec is { MapChannels: not null, Shape: [_, var height, var width] })
            return Stretch(all, height, width).squeeze(1).to(type).MoveToOuterDisposeScope();
        if (path.Spec.SequenceLength is not { } length)
            return null;

        // The projection has laid the steps out row by row, and filled the last row with zeros.
        var stride = model.Description.Inputs.First(input => input.Name == path.Name).Projection?.StepsPerPosition ?? 1;
        var (rows, columns) = (path.Projected.Height, path.Projected.Width);
        var steps = Stretch(all, rows, columns).flatten(start_dim: 2);
        steps = steps.narrow(2, 0, Math.Min((length + stride - 1) / stride, rows * columns));
        return Stretch(steps.unsqueeze(2), 1, length).flatten(start_dim: 1).to(type).MoveToOuterDisposeScope();
    }

    private static Tensor Stretch(Tensor maps, long height, long width) => maps.shape[2] == height && maps.shape[3] == width
        ? maps
        : nn.functional.interpolate(maps, [height, width], mode: InterpolationMode.Bilinear, align_corners: false);

    /// <summary>The grid of the last tokens: of patches of one size that fill the projected map, or else a line.</summary>
    private static (long Rows, long Columns) Of(long tokens, MapShape projected)
    {
        for (var patch = 1L; patch <= Math.Min(projected.Height, projected.Width); patch++)
        {
            if (projected.Height % patch != 0 || projected.Width % patch != 0)
                continue;
            var (rows, columns) = (projected.Height / patch, projected.Width / patch);
            if (tokens - rows * columns is 0 or 1)
                return (rows, columns);
        }

        return (1, tokens);
    }
}
