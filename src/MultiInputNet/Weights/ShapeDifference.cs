namespace MultiInputNet.Weights;

/// <summary>A weight that has one shape in a file and another in a module.</summary>
public sealed class ShapeDifference
{
    /// <summary>Its name in the module.</summary>
    public required string Name { get; init; }

    /// <summary>Its shape in the file.</summary>
    public required IReadOnlyList<long> InFile { get; init; }

    /// <summary>Its shape in the module.</summary>
    public required IReadOnlyList<long> InModule { get; init; }

    /// <summary>The name and both shapes.</summary>
    /// <returns>For example <c>'fc.weight' (1000, 512) in the file and (10, 512) in the module</c>.</returns>
    public override string ToString() => $"'{Name}' {Shapes.Text(InFile)} in the file and {Shapes.Text(InModule)} in the module";
}
