using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>A value of an <see cref="OnnxGraph"/>: an input, a constant or the result of a node.</summary>
public sealed class OnnxValue
{
    internal OnnxValue(string name, ScalarType? type, IReadOnlyList<long> shape) => (Name, Type, Shape) = (name, type, shape);

    /// <summary>Its name in the graph.</summary>
    public string Name { get; }

    /// <summary>The type of its elements; <see langword="null"/> for strings.</summary>
    public ScalarType? Type { get; }

    /// <summary>Its sizes; -1 for one that is known only when the graph runs, as the first one of a batch.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The same value, known to have a shape.</summary>
    internal OnnxValue As(params long[] shape) => new(Name, Type, shape);
}
