using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Pools the features of one input to a vector, <c>(batch, features)</c>, without parameters; zeros for an absent sample.
/// </summary>
internal abstract class FeaturePooling
{
    private FeaturePooling()
    {
    }

    /// <summary>All values, of a map channel by channel, of tokens one after another; zeros for what is not present.</summary>
    public static FeaturePooling Flatten { get; } = new Flattening();

    /// <summary>The mean of each channel over the positions that are present.</summary>
    public static FeaturePooling Average { get; } = new Averaging();

    /// <summary>The maximum of each channel over the positions that are present.</summary>
    public static FeaturePooling Max { get; } = new Maximum();

    /// <summary>Pools features.</summary>
    public abstract Tensor Pool(FeatureSet features);

    /// <summary>The same of features that are all present, as ONNX operations.</summary>
    public abstract OnnxValue Export(OnnxGraph graph, OnnxValue features);

    /// <summary>The sum along dimensions over a count. The sum of values in 16 bits may exceed their range, where the mean does not.</summary>
    public static Tensor Divide(Tensor values, long[] dimensions, Tensor count) =>
        (values.sum(dimensions, type: values.dtype.AtLeastSingle()) / count).to(values.dtype);

    private static OnnxValue Reduce(OnnxGraph graph, string operation, OnnxValue features)
    {
        var isMap = features.Shape.Count == 4;
        return graph.Node(operation, [features], [-1, features.Shape[isMap ? 1 : 2]], attributes: [("axes", isMap ? (long[])[2, 3] : [1]), ("keepdims", 0L)]);
    }

    private sealed class Flattening : FeaturePooling
    {
        public override Tensor Pool(FeatureSet features) => features.Fill(0).flatten(start_dim: 1);

        public override OnnxValue Export(OnnxGraph graph, OnnxValue features) => features.Shape.Skip(1).All(size => size > 0)
            ? graph.Node("Flatten", [features], [-1, features.Shape.Skip(1).Aggregate((product, size) => product * size)], attributes: [("axis", 1L)])
            : throw graph.NeedsFixedSize("a fusion that flattens maps");
    }

    private sealed class Averaging : FeaturePooling
    {
        public override Tensor Pool(FeatureSet features) => features.Mask is { } mask
            ? Divide(features.Fill(0), features.PositionDimensions, mask.sum(1, keepdim: true).clamp_min(1))
            : features.Values.mean(features.PositionDimensions);

        public override OnnxValue Export(OnnxGraph graph, OnnxValue features) => Reduce(graph, "ReduceMean", features);
    }

    private sealed class Maximum : FeaturePooling
    {
        public override Tensor Pool(FeatureSet features) => features.Mask is { } mask
            ? features.Fill(double.NegativeInfinity).amax(features.PositionDimensions).masked_fill(mask.any(1, keepdim: true).logical_not(), 0)
            : features.Values.amax(features.PositionDimensions);

        public override OnnxValue Export(OnnxGraph graph, OnnxValue features) => Reduce(graph, "ReduceMax", features);
    }
}
