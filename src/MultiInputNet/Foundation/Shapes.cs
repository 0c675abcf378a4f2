using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Shapes, and how messages and tables print them.</summary>
internal static class Shapes
{
    /// <summary>A tensor's shape. TorchSharp's own property takes over ten times as long, which counts for a single sample.</summary>
    public static long[] Of(Tensor tensor)
    {
        var shape = new long[tensor.dim()];
        for (var i = 0; i < shape.Length; i++)
            shape[i] = tensor.size(i);
        return shape;
    }

    public static string Text(IEnumerable<long> shape) => $"({string.Join(", ", shape)})";

    public static string Sizes(IEnumerable<long> shape) => string.Join("×", shape);

    public static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    /// <summary>Weights with their names, in an order that does not depend on how they were given.</summary>
    public static string Weights(IReadOnlyDictionary<string, double> weights) => string.Join(
        ", ", weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => FormattableString.Invariant($"{pair.Key} {pair.Value}")));
}
