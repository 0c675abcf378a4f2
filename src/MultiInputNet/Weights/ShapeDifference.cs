namespace MultiInputNet.Weights;

/// <summary>A weight that has one shape in a file and another in a module.</summary>
/// <param name="Name">Its name in the module.</param>
/// <param name="InFile">Its shape in the file.</param>
/// <param name="InModule">Its shape in the module.</param>
public sealed record ShapeDifference(string Name, IReadOnlyList<long> InFile, IReadOnlyList<long> InModule)
{
    /// <summary>The name and both shapes.</summary>
    /// <returns>For example <c>'fc.weight' (1000, 512) in the file and (10, 512) in the module</c>.</returns>
    public override string ToString() => $"'{Name}' {Shapes.Text(InFile)} in the file and {Shapes.Text(InModule)} in the module";
}
