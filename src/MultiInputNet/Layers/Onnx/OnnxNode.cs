namespace MultiInputNet.Onnx;

/// <summary>An operation of an <see cref="OnnxGraph"/>.</summary>
public sealed class OnnxNode
{
    internal OnnxNode(
        string name, string domain, string operation, IReadOnlyList<string> inputs, string output, IReadOnlyList<(string Name, object Value)> attributes) =>
        (Name, Domain, Operation, Inputs, Output, Attributes) = (name, domain, operation, inputs, output, attributes);

    /// <summary>Its name, unique in the graph: the path of the module, and the operation.</summary>
    public string Name { get; }

    /// <summary>The domain of the operation: empty for ONNX's own, <c>ai.onnx.ml</c> for those of machine learning.</summary>
    public string Domain { get; }

    /// <summary>The operation, such as <c>Conv</c>.</summary>
    public string Operation { get; }

    /// <summary>The names of the values that it takes; an empty one for an optional input that is left out.</summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>The name of its result.</summary>
    public string Output { get; }

    /// <summary>
    /// Its attributes, each a <see cref="long"/>, a <see cref="double"/> (single precision in the file), a <see cref="string"/> or a list of
    /// one of these.
    /// </summary>
    public IReadOnlyList<(string Name, object Value)> Attributes { get; }
}
