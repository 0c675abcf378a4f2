namespace MultiInputNet;

/// <summary>Shapes as messages and tables print them.</summary>
internal static class Shapes
{
    public static string Text(IEnumerable<long> shape) => $"({string.Join(", ", shape)})";

    public static string Sizes(IEnumerable<long> shape) => string.Join("×", shape);

    public static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    /// <summary>Weights with their names, in an order that does not depend on how they were given.</summary>
    public static string Weights(IReadOnlyDictionary<string, double> weights) => string.Join(
        ", ", weights.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => FormattableString.Invariant($"{pair.Key} {pair.Value}")));
}
