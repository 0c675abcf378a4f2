using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>A weight whose values have one type in a file and another in a module.</summary>
/// <param name="Name">Its name in the module.</param>
/// <param name="InFile">The type in the file.</param>
/// <param name="InModule">The type in the module.</param>
public sealed record TypeDifference(string Name, ScalarType InFile, ScalarType InModule)
{
    /// <summary>The name and both types.</summary>
    /// <returns>For example <c>'fc.weight' Float16 in the file and Float32 in the module</c>.</returns>
    public override string ToString() => $"'{Name}' {InFile} in the file and {InModule} in the module";
}
