using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>A weight whose values have one type in a file and another in a module.</summary>
public sealed class TypeDifference
{
    /// <summary>Its name in the module.</summary>
    public required string Name { get; init; }

    /// <summary>The type in the file.</summary>
    public required ScalarType InFile { get; init; }

    /// <summary>The type in the module.</summary>
    public required ScalarType InModule { get; init; }

    /// <summary>The name and both types.</summary>
    /// <returns>For example <c>'fc.weight' Float16 in the file and Float32 in the module</c>.</returns>
    public override string ToString() => $"'{Name}' {InFile} in the file and {InModule} in the module";
}
