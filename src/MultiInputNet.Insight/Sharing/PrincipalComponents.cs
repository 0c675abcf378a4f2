using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Principal components (Pearson, 1901) by singular value decomposition.</summary>
internal static class PrincipalComponents
{
    /// <summary>The coordinates along the first components, <c>(samples, count)</c>; 0 where there are fewer.</summary>
    /// <param name="x">The features in double precision, <c>(samples, features)</c>.</param>
    /// <param name="count">The number of components.</param>
    public static Tensor Of(Tensor x, int count)
    {
        using var scope = NewDisposeScope();
        var (u, s, vh) = linalg.svd(x - x.mean([0L], keepdim: true), fullMatrices: false);
        var found = (int)Math.Min(count, s.shape[0]);
        var coordinates = u[.., ..found] * s[..found];

        // A component may point either way: its largest weight is positive here.
        var weights = vh[..found];
        var signs = weights.gather(1, weights.abs().argmax(1, keepdim: true)).sign().flatten();
        coordinates *= where(signs == 0, ones_like(signs), signs);
        return (found < count ? cat([coordinates, zeros(x.shape[0], count - found, ScalarType.Float64)], 1) : coordinates.clone()).MoveToOuterDisposeScope();
    }
}
