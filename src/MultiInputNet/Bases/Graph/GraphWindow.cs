using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Where the windows of a convolution or pooling lie along one side of a map.</summary>
/// <param name="Before">The padding before the map.</param>
/// <param name="After">The padding after it.</param>
/// <param name="Beyond">By how much the last window goes beyond that padding.</param>
/// <param name="Count">The number of windows.</param>
internal readonly record struct GraphWindow(long Before, long After, long Beyond, long Count)
{
    /// <summary>The attributes that say where windows lie.</summary>
    public static IReadOnlyList<GraphAttribute> Attributes { get; } =
    [
        new("strides", 1, Limits.LargestSize, [1, 1]) { Count = (2, 2) },
        new("dilations", 1, Limits.LargestSize, [1, 1]) { Count = (2, 2) },
        new("pads", 0, Limits.LargestSize, [0, 0, 0, 0]) { Count = (4, 4) },

        // 0: as the padding says; 1 and 2: so that strides alone divide the size, with the odd one of the padding after or before the map.
        new("auto_pad", 0, 2, [0]),
    ];

    /// <summary>The padding of height and width if it is the same before and after a map of any size; null if it is not.</summary>
    public static long[]? FindEvenPadding(GraphCall call) =>
        !call.Flag("auto_pad") && call.Integers("pads") is [var top, var left, var bottom, var right] && (top, left) == (bottom, right) ? [top, left] : null;

    /// <summary>The windows along a side.</summary>
    /// <param name="call">The node.</param>
    /// <param name="side">0 for the height, 1 for the width.</param>
    /// <param name="size">The map's size.</param>
    /// <param name="kernel">The window's size.</param>
    /// <param name="ceil">Whether a window that goes beyond the padding counts.</param>
    public static GraphWindow Of(GraphCall call, int side, long size, long kernel, bool ceil = false)
    {
        var (stride, pads) = (call.Integers("strides")[side], call.Integers("pads"));
        var extent = (kernel - 1) * call.Integers("dilations")[side] + 1;
        if (call.Integer("auto_pad") is not 0 and var odd)
        {
            var all = Math.Max(0, ((size - 1) / stride * stride) + extent - size);
            return odd == 1 ? new(all / 2, all - all / 2, 0, (size - 1) / stride + 1) : new(all - all / 2, all / 2, 0, (size - 1) / stride + 1);
        }

        var (before, after) = (pads[side], pads[2 + side]);
        var room = size + before + after - extent;
        var count = room < 0 ? 0 : room / stride + 1;

        // As in torch, no window begins in the padding after the map.
        if (ceil && room > 0 && room % stride > 0 && count * stride < size + before)
            count++;
        return new(before, after, Math.Max(0, (count - 1) * stride + extent - size - before - after), count);
    }

    /// <summary>The windows along both sides of a map.</summary>
    public static (GraphWindow Rows, GraphWindow Columns) Of(GraphCall call, Tensor map, long[] kernel, bool ceil = false) => map.dim() == 4
        ? (Of(call, 0, map.shape[2], kernel[0], ceil), Of(call, 1, map.shape[3], kernel[1], ceil))
        : throw new ArgumentException($"it takes maps, (batch, channels, height, width), not {Shapes.Text(map.shape)}");

    /// <summary>A map with the padding around it.</summary>
    public static Tensor Pad(Tensor map, GraphWindow rows, GraphWindow columns, double value) => nn.functional.pad(
        map, [columns.Before, columns.After, rows.Before, rows.After], PaddingModes.Constant, value);

    /// <summary>The number of values of a map with the padding around it.</summary>
    public static double CountPadded(Tensor map, GraphWindow rows, GraphWindow columns) => (double)map.shape[0] * map.shape[1]
        * (map.shape[2] + rows.Before + rows.After + rows.Beyond) * (map.shape[3] + columns.Before + columns.After + columns.Beyond);
}

/// <summary>Pads a map for a convolution whose padding differs between its sides.</summary>
internal sealed class GraphPadding(GraphNode node) : nn.Module<Tensor, Tensor>(nameof(GraphPadding)), IOperations<Tensor>
{
    public override Tensor forward(Tensor input)
    {
        var (rows, columns) = Windows(input);
        return GraphWindow.Pad(input, rows, columns, 0);
    }

    public long CountMacs(Tensor input, Tensor output) => 0;

    public long Foresee(Tensor input)
    {
        var (rows, columns) = Windows(input);
        return (long)GraphWindow.CountPadded(input, rows, columns);
    }

    private (GraphWindow Rows, GraphWindow Columns) Windows(Tensor input) => GraphWindow.Of(new(node, [input]), input, [.. node.Shape!.Skip(2)]);
}
