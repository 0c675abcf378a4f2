using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Pools the features of one input to a vector, <c>(batch, features)</c>, without parameters; zeros for an absent sample.
/// </summary>
internal static class FeaturePooling
{
    /// <summary>All values, of a map channel by channel, of tokens one after another; zeros for what is not present.</summary>
    public static Tensor Flatten(FeatureSet features) => features.Fill(0).flatten(start_dim: 1);

    /// <summary>The mean of each channel over the positions that are present.</summary>
    public static Tensor Average(FeatureSet features) => features.Mask is { } mask
        ? Divide(features.Fill(0), features.PositionDimensions, mask.sum(1, keepdim: true).clamp_min(1))
        : features.Values.mean(features.PositionDimensions);

    /// <summary>The maximum of each channel over the positions that are present.</summary>
    public static Tensor Max(FeatureSet features) => features.Mask is { } mask
        ? features.Fill(double.NegativeInfinity).amax(features.PositionDimensions).masked_fill(mask.any(1, keepdim: true).logical_not(), 0)
        : features.Values.amax(features.PositionDimensions);

    /// <summary>The sum along dimensions over a count. The sum of values in 16 bits may exceed their range, where the mean does not.</summary>
    public static Tensor Divide(Tensor values, long[] dimensions, Tensor count) =>
        (values.sum(dimensions, type: values.dtype.AtLeastSingle()) / count).to(values.dtype);
}
