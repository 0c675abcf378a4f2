namespace MultiInputNet.Insights;

/// <summary>Nodes and weights of integrals over 0 to 1.</summary>
internal static class Quadrature
{
    /// <summary>The nodes of a rule, each with its weight; the weights sum to 1.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="steps">The number of steps.</param>
    public static IReadOnlyList<(double Node, double Weight)> Of(IntegrationRule rule, int steps)
    {
        IReadOnlyList<(double, double)> Equal(double shift) => [.. Enumerable.Range(0, steps).Select(i => ((i + shift) / steps, 1.0 / steps))];
        return rule switch
        {
            IntegrationRule.RiemannMiddle => Equal(0.5),
            IntegrationRule.RiemannLeft => Equal(0),
            IntegrationRule.RiemannRight => Equal(1),
            IntegrationRule.RiemannTrapezoid =>
                [.. Enumerable.Range(0, steps + 1).Select(i => ((double)i / steps, (i == 0 || i == steps ? 0.5 : 1) / steps))],
            _ => [.. Enumerable.Range(0, steps).Select(i => Legendre(i, steps))],
        };
    }

    /// <summary>A root of the Legendre polynomial of degree n, found by Newton's method, and its weight, both scaled to 0 to 1.</summary>
    private static (double Node, double Weight) Legendre(int i, int n)
    {
        var x = Math.Cos(Math.PI * (n - i - 0.25) / (n + 0.5));
        double slope = 0;
        for (var iteration = 0; iteration < 100; iteration++)
        {
            var (value, before) = (x, 1.0);
            for (var degree = 2; degree <= n; degree++)
                (value, before) = (((2 * degree - 1) * x * value - (degree - 1) * before) / degree, value);
            slope = n * (x * value - before) / (x * x - 1);
            var change = value / slope;
            x -= change;
            if (Math.Abs(change) < 1e-15)
                break;
        }

        return ((x + 1) / 2, 1 / ((1 - x * x) * slope * slope));
    }
}
