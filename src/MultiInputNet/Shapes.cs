namespace MultiInputNet;

/// <summary>Shapes as messages and tables print them.</summary>
internal static class Shapes
{
    public static string Text(IEnumerable<long> shape) => $"({string.Join(", ", shape)})";

    public static string Sizes(IEnumerable<long> shape) => string.Join("×", shape);

    public static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));
}
