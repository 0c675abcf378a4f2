using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Pools the features of each input to a vector, and concatenates, sums or averages the vectors.</summary>
/// <remarks>
/// Shapes: features of each input in, <c>(batch, features)</c> out. An absent sample of an input is zeros among concatenated vectors, and
/// is left out of sums and means.
/// </remarks>
/// <param name="each">Pools the features of one input to a vector, with zeros for an absent sample.</param>
/// <param name="combination">What happens to the vectors.</param>
internal sealed class CombinedFusion(FeaturePooling each, Combination combination)
    : nn.Module<IReadOnlyList<FeatureSet>, Tensor>(nameof(CombinedFusion)), IOnnxModule
{
    public override Tensor forward(IReadOnlyList<FeatureSet> input)
    {
        using var scope = NewDisposeScope();
        Tensor[] vectors = [.. input.Select(each.Pool)];
        var fused = combination switch
        {
            _ when vectors is [var only] => only,
            Combination.Concatenation => cat(vectors, 1),
            Combination.Sum => stack(vectors).sum(dim: 0),
            _ when input.Any(features => features.Mask is not null) => FeaturePooling.Divide(stack(vectors), [0], CountPresent(input)),
            _ => stack(vectors).mean([0]),
        };
        return fused.MoveToOuterDisposeScope();
    }

    public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs)
    {
        OnnxValue[] vectors = [.. inputs.Select(features => each.Export(graph, features))];
        return combination switch
        {
            _ when vectors is [var only] => only,
            Combination.Concatenation => graph.Node("Concat", vectors, [-1, vectors.Sum(vector => vector.Shape[1])], attributes: [("axis", 1L)]),
            _ => graph.Node(combination == Combination.Sum ? "Sum" : "Mean", vectors, vectors[0].Shape),
        };
    }

    /// <summary>The number of inputs in which each sample is present, at least 1, <c>(batch, 1)</c>.</summary>
    private static Tensor CountPresent(IReadOnlyList<FeatureSet> input) => input
        .Select(features => features.MaskOrAll().any(1, keepdim: true).to(ScalarType.Int64))
        .Aggregate((sum, present) => sum + present).clamp_min(1);
}
