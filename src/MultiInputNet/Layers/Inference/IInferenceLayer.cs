namespace MultiInputNet;

/// <summary>
/// A layer that says what it computes in evaluation mode, so that it can be part of an <see cref="InferenceProgram"/>. It must agree with
/// the layer's <c>forward</c>.
/// </summary>
internal interface IInferenceLayer
{
    /// <summary>Adds the layer's operations to a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="input">What the layer takes.</param>
    /// <returns>Its result.</returns>
    InferenceValue Trace(InferenceGraph graph, InferenceValue input);
}
