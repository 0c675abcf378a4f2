using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <content>Similarity of two sets of features.</content>
public static partial class Insight
{
    // What centring leaves of a column that never varies is rounding.
    private const double Rounding = 1e-13;

    /// <summary>
    /// Linear centred kernel alignment (Kornblith et al., 2019): how similar two representations of the same samples are, whatever their
    /// widths. It is ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) in Frobenius norms, with the columns of both centred.
    /// </summary>
    /// <remarks>
    /// It does not change when features are rotated, scaled as a whole or shifted. It needs pairs: row i of both is the same sample. For
    /// features of unrelated samples see <see cref="CovarianceSimilarity"/>. It is computed in double precision on the device of
    /// <paramref name="x"/>; besides copies of the two in double precision, memory grows with the square of the features or of the samples,
    /// whichever are fewer. With few samples and many features it is above 0 by chance.
    /// </remarks>
    /// <param name="x">Features, <c>(samples, features)</c>.</param>
    /// <param name="y">Other features of the same samples in the same order, <c>(samples, other features)</c>.</param>
    /// <returns>From 0, nothing in common, to 1; NaN if one of the two is the same for all samples.</returns>
    /// <exception cref="ArgumentException">
    /// A tensor is not a matrix of finite numbers, they have different numbers of samples, or there are fewer than two.
    /// </exception>
    public static double LinearCka(Tensor x, Tensor y)
    {
        CheckFeatures(x, nameof(x));
        CheckFeatures(y, nameof(y));
        if (x.shape[0] != y.shape[0])
            throw new ArgumentException($"There are features of {x.shape[0]} and of {y.shape[0]} samples; give those of the same samples.", nameof(y));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Centred(x, x.device) is { } a && Centred(y, x.device) is { } b ? Aligned(a, b) / (Spread(a) * Spread(b)) : double.NaN;

        // ‖BᵀA‖², by features or by samples.
        static double Aligned(Tensor a, Tensor b) => (Int128)a.shape[1] * b.shape[1] <= (Int128)a.shape[0] * a.shape[0]
            ? b.t().mm(a).square().sum().ToDouble()
            : (a.mm(a.t()) * b.mm(b.t())).sum().ToDouble();
    }

    /// <summary>
    /// How similarly the features of two sets of samples spread: tr(Σ₁Σ₂) / (‖Σ₁‖ ‖Σ₂‖) of their covariances. It compares samples that have
    /// nothing to do with each other, as those of two inputs of one base, where feature i means the same in both; it says whether both
    /// vary along the same directions of the features, not whether single samples resemble each other.
    /// </summary>
    /// <remarks>
    /// This is the RV coefficient (Escoufier, 1973) of two covariances. It does not depend on the order of the samples, on their number but
    /// for noise, on a shift, on a scale of either, or on a rotation of both. Unlike <see cref="LinearCka"/> it changes when only one of
    /// them is rotated. It is computed in double precision on the device of <paramref name="x"/>.
    /// </remarks>
    /// <param name="x">Features, <c>(samples, features)</c>.</param>
    /// <param name="y">The same features of other samples, <c>(other samples, features)</c>.</param>
    /// <returns>
    /// From 0, each varies where the other does not, to 1, the same covariance up to scale; NaN if one of the two is the same for all
    /// samples.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// A tensor is not a matrix of finite numbers with at least two samples, or they have different numbers of features.
    /// </exception>
    public static double CovarianceSimilarity(Tensor x, Tensor y)
    {
        CheckFeatures(x, nameof(x));
        CheckFeatures(y, nameof(y));
        if (x.shape[1] != y.shape[1])
            throw new ArgumentException($"There are {x.shape[1]} and {y.shape[1]} features; give the same features of both.", nameof(y));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Centred(x, x.device) is { } a && Centred(y, x.device) is { } b ? Shared(a, b) / (Spread(a) * Spread(b)) : double.NaN;

        // tr(AᵀA BᵀB), by features or by samples.
        static double Shared(Tensor a, Tensor b) => (Int128)a.shape[1] * a.shape[1] <= (Int128)a.shape[0] * b.shape[0]
            ? (a.t().mm(a) * b.t().mm(b)).sum().ToDouble()
            : a.mm(b.t()).square().sum().ToDouble();
    }

    private static void CheckFeatures(Tensor features, string name)
    {
        ArgumentNullException.ThrowIfNull(features, name);
        if (features.IsInvalid)
            throw new ArgumentException("The tensor was disposed of; give one that exists.", name);
        if (features.dim() != 2 || features.shape[0] < 2 || features.shape[1] < 1)
            throw new ArgumentException($"The features are {Shapes.Text(features.shape)}; give (samples, features) with at least two samples.", name);
        if (features.is_complex() || (features.is_floating_point() && !IsFinite(features)))
            throw new ArgumentException("The features are not all finite numbers; remove the samples with NaN or infinity.", name);

        static bool IsFinite(Tensor features)
        {
            using var scope = NewDisposeScope();
            return features.isfinite().all().ToBoolean();
        }
    }

    /// <summary>Centred columns in double precision, scaled to a norm of 1 as a whole; null if the samples do not differ.</summary>
    private static Tensor? Centred(Tensor features, Device device)
    {
        // Apple's accelerator has no double precision.
        var x = features.detach().to(device.type == DeviceType.MPS ? CPU : device).to(ScalarType.Float64);
        var largest = x.abs().max().ToDouble();
        if (largest == 0)
            return null;
        x /= largest;
        var centred = x - x.mean([0L], keepdim: true);
        var norm = centred.norm().ToDouble();
        return norm <= Rounding * x.norm().ToDouble() ? null : centred / norm;
    }

    /// <summary>‖XᵀX‖ = ‖XXᵀ‖.</summary>
    private static double Spread(Tensor x) => (x.shape[1] <= x.shape[0] ? x.t().mm(x) : x.mm(x.t())).norm().ToDouble();
}
