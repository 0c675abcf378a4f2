using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Weights that compensate for classes of different sizes in the training samples, for <see cref="ClassificationSpec.ClassWeights"/>.
/// Missing labels do not count, and a class without a sample gets a weight of 1.
/// </summary>
public static class ClassWeights
{
    /// <summary>
    /// <c>n / (K n_k)</c> for class <c>k</c>, where <c>n</c> is the number of labels and <c>K</c> that of the classes that occur: all
    /// classes count equally, and the mean over the samples is 1.
    /// </summary>
    /// <param name="labels">The labels of the training samples, <c>(count)</c> of 64-bit integers.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <returns>One weight per class.</returns>
    /// <exception cref="ArgumentException">The labels have another shape or type, are out of range, or are all missing.</exception>
    public static IReadOnlyList<double> Balanced(Tensor labels, int classes)
    {
        var counts = Count(labels, classes);
        var (all, occurring) = ((double)counts.Sum(), counts.Count(count => count > 0));
        return [.. counts.Select(count => count > 0 ? all / (occurring * (double)count) : 1)];
    }

    /// <summary>
    /// The inverse of the effective number of samples, <c>(1 - β) / (1 - β^n_k)</c> for class <c>k</c> (Cui et al., 2019), scaled
    /// so that the classes that occur have a mean weight of 1. It lies between equal weights (β = 0) and <see cref="Balanced"/>
    /// ones (β near 1).
    /// </summary>
    /// <param name="labels">The labels of the training samples, <c>(count)</c> of 64-bit integers.</param>
    /// <param name="classes">The number of classes, at least 1.</param>
    /// <param name="beta">From 0 to below 1: about 1 - 1/N, where further samples of a class that already has N add little.</param>
    /// <returns>One weight per class.</returns>
    /// <exception cref="ArgumentException">
    /// The labels have another shape or type, are out of range, or are all missing; or β is out of range.
    /// </exception>
    public static IReadOnlyList<double> EffectiveNumber(Tensor labels, int classes, double beta = 0.999)
    {
        if (beta is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(beta), beta, $"{nameof(beta)} is {beta}; give a number from 0 to below 1.");
        var counts = Count(labels, classes);
        var weights = counts.Select(count => count > 0 ? (1 - beta) / (1 - Math.Pow(beta, count)) : 0).ToArray();
        var mean = weights.Where(weight => weight > 0).Average();
        return [.. weights.Select(weight => weight > 0 ? weight / mean : 1)];
    }

    /// <summary>What is wrong with the weights of a head, and the cure; null if nothing is.</summary>
    internal static (string Problem, string Cure)? FindMistake(IReadOnlyList<double>? weights, int classes) =>
        weights is null ? null
        : weights.Count != classes
            ? ($"it has {classes} classes and {weights.Count} class weights.", "Give one weight for each class, or none.")
        : weights.Any(weight => !(weight >= 0 && double.IsFinite(weight))) || weights.All(weight => weight == 0)
            ? ("a class weight is negative or not finite, or all are 0.", "Give finite weights from 0.")
        : null;

    private static long[] Count(Tensor labels, int classes)
    {
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        if (labels.dim() != 1 || labels.dtype != ScalarType.Int64)
        {
            throw new ArgumentException(
                $"The labels are {labels.dtype} of shape {Shapes.Text(labels.shape)}; Int64 of shape (count) is needed.", nameof(labels));
        }

        using var scope = NewDisposeScope();
        var present = labels.masked_select(labels >= 0);
        if (present.numel() == 0)
            throw new ArgumentException("There are no labels to count.", nameof(labels));
        if (present.max().item<long>() is var largest && largest >= classes)
        {
            throw new ArgumentException(
                $"The largest label is {largest} and there are {classes} classes; labels run from 0 to {classes - 1}.", nameof(labels));
        }

        return present.bincount(null, classes).Numbers<long>();
    }
}
