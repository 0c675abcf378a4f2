using System.Diagnostics.CodeAnalysis;

namespace MultiInputNet;

/// <summary>One operation of a base that <see cref="Bases.Graph"/> describes. Its result is known by its name.</summary>
/// <param name="Name">Its name, unique in its graph: 1 to 100 letters, digits, '_' and '-'. Its weights are called after it.</param>
/// <param name="Operation">What it computes, by ONNX's name of it, such as <c>Conv</c>; see <see cref="Bases.Graph"/>.</param>
/// <param name="Inputs">The names of the nodes whose results it takes, each earlier in the graph; <c>input</c> is the base's own.</param>
[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] // for its text
public sealed record GraphNode(string Name, string Operation, IReadOnlyList<string> Inputs)
{
    /// <summary>The shape of its weight, or of its values if it is a constant; null for an operation that has neither.</summary>
    /// <value>Default: <see langword="null"/>.</value>
    public IReadOnlyList<long>? Shape { get; init; }

    /// <summary>Its attributes by ONNX's names, each one number or several; those left out have ONNX's defaults.</summary>
    /// <value>Default: <see langword="null"/>, none.</value>
    public IReadOnlyDictionary<string, IReadOnlyList<double>>? Attributes { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
