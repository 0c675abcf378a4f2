namespace MultiInputNet.Training;

/// <summary>The method of <see cref="LossBalancing.CAGrad"/>.</summary>
/// <remarks>
/// The direction is <c>d = g₀ + ρ g / ‖g‖</c>, where <c>g₀</c> is the mean gradient, <c>ρ = c ‖g₀‖</c>, and <c>g</c> the mean of the
/// gradients under those weights on the simplex that minimise <c>g·g₀ + ρ ‖g‖</c> (the dual problem of the paper). It is solved by
/// projected gradient descent down to a duality gap of 10⁻¹⁰ of the mean of the gradients' squared norms, or for 2,000 rounds. <c>‖g‖</c>
/// is smoothed to <c>√(‖g‖² + 10⁻⁸ mean)</c>, as it has no gradient where the tasks cannot agree at all.
/// </remarks>
internal sealed class CAGradBalancer(IReadOnlyList<string> tasks, double c) : GradientSurgeryBalancer(tasks)
{
    private const double Tolerance = 1e-10;
    private const double Smoothing = 1e-8;
    private const int MostRounds = 2000;

    protected override double[] Combine(double[,] products, IReadOnlyList<string> names, long step)
    {
        var count = names.Count;
        var scale = Enumerable.Range(0, count).Average(i => products[i, i]);
        if (!(scale > 0))
            return [.. Enumerable.Repeat(1.0, count)];
        var (weights, radius, norm) = Solve(products, scale);
        return [.. weights.Select(weight => 1 + count * radius / norm * weight)];
    }

    private (double[] Weights, double Radius, double Norm) Solve(double[,] products, double scale)
    {
        var count = products.GetLength(0);
        double[] Apply(double[] weights) =>
            [.. Enumerable.Range(0, count).Select(i => Enumerable.Range(0, count).Sum(j => products[i, j] / scale * weights[j]))];
        static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

        var weights = Enumerable.Repeat(1.0 / count, count).ToArray();
        var withMean = Apply(weights);
        var radius = c * Math.Sqrt(Math.Max(0, withMean.Average()));
        double Norm(double[] w, double[] applied) => Math.Sqrt(Math.Max(0, Dot(w, applied)) + Smoothing);
        double Value(double[] w, double[] applied) => Dot(w, withMean) + radius * Norm(w, applied);

        var applied = withMean;
        var length = 1.0;
        for (var round = 0; round < MostRounds; round++)
        {
            var norm = Norm(weights, applied);
            var gradient = withMean.Zip(applied, (mean, own) => mean + radius * own / norm).ToArray();
            if (Dot(gradient, weights) - gradient.Min() <= Tolerance)
                break;

            // The longest of these step lengths for which the value lies below its quadratic bound.
            var value = Value(weights, applied);
            double[] next, nextApplied;
            for (length *= 2; ; length /= 2)
            {
                next = OntoSimplex([.. weights.Zip(gradient, (weight, slope) => weight - length * slope)]);
                nextApplied = Apply(next);
                var move = next.Zip(weights, (to, from) => to - from).ToArray();
                if (Value(next, nextApplied) <= value + Dot(gradient, move) + Dot(move, move) / (2 * length) || length < 1e-12)
                    break;
            }

            (weights, applied) = (next, nextApplied);
        }

        return (weights, radius, Norm(weights, applied));
    }

    /// <summary>The nearest point with non-negative coordinates that sum to 1 (Held, Wolfe and Crowder, 1974).</summary>
    private static double[] OntoSimplex(double[] point)
    {
        var (sum, shift) = (0.0, 0.0);
        foreach (var (index, value) in point.OrderDescending().Index())
        {
            sum += value;
            if (value - (sum - 1) / (index + 1) > 0)
                shift = (sum - 1) / (index + 1);
        }

        return [.. point.Select(value => Math.Max(0, value - shift))];
    }
}
