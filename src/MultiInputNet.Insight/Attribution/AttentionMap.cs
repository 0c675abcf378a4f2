using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>How the positions of samples attend to each other in one layer.</summary>
public sealed class AttentionMap
{
    internal AttentionMap(string layer, IReadOnlyList<string> inputs, IReadOnlyList<long> positions, Tensor weights) =>
        (Layer, Inputs, Positions, Weights) = (layer, inputs, positions, weights);

    /// <summary>The name of the layer among the modules of the model, such as <c>fusions.digit</c>.</summary>
    public string Layer { get; }

    /// <summary>The inputs whose positions attend to each other: one in a base, all of the task in its fusion.</summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>
    /// The number of positions of each of <see cref="Inputs"/>, in their order: those of a map row by row, or tokens, where a vision
    /// transformer's class token comes first.
    /// </summary>
    public IReadOnlyList<long> Positions { get; }

    /// <summary>
    /// The weights, <c>(batch, heads, positions, positions)</c> on the model's device: each row says with which weights a position averages
    /// all of them, and sums to 1.
    /// </summary>
    public Tensor Weights { get; }

    /// <summary>The layer, its inputs and the shape of its weights.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => $"{Layer} of {string.Join(", ", Inputs)}: {Shapes.Text(Weights.shape)}";
}
