using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>
/// A module that says which ONNX operations it computes in evaluation mode, so that a model that contains it can be exported. It must agree
/// with the module's <c>forward</c>.
/// </summary>
public interface IOnnxModule
{
    /// <summary>Adds the module's nodes to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">What the module takes: one value, or for a fusion the features of each input of its task.</param>
    /// <returns>Its result.</returns>
    OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs);
}

/// <summary>Says which ONNX operations a module computes, in place of <see cref="IOnnxModule"/> where the module cannot be changed.</summary>
/// <param name="module">The module.</param>
/// <param name="graph">The graph to which its nodes are added.</param>
/// <param name="inputs">What it takes.</param>
/// <returns>Its result.</returns>
public delegate OnnxValue OnnxExporter(nn.Module module, OnnxGraph graph, IReadOnlyList<OnnxValue> inputs);
