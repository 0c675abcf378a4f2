using MultiInputNet.Training;
using TorchSharp.Modules;
using static MultiInputNet.Tests.Training.Balancing.TwoTasks;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

public sealed class GradientSurgeryTests
{
    private static readonly string[] three = ["x", "y", "z"];

    // Each conflicts with both others; drawn by hand.
    private static readonly double[][] conflicting = [[1.0, 0.2, -0.4, 0.3], [-0.9, 0.6, 0.3, 0.2], [-0.2, -1.1, 0.5, -0.4]];

    [Fact]
    public void Two_conflicting_gradients_lose_what_they_hold_against_each_other()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.PCGrad().Create(Names);

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);

        var (a, b) = (Gradient(0, Start), Gradient(1, Start));
        var product = Dot(a, b);
        product.Should().BeNegative();
        double[] expected = [.. Enumerable.Range(0, 2).Select(i => a[i] - product / Dot(b, b) * b[i] + b[i] - product / Dot(a, a) * a[i])];
        ShouldBeClose(Numbers(tasks.Shared.grad), expected, 1e-12);
        Numbers(tasks.Own["a"].grad).Should().Equal(-1);
        Numbers(tasks.Own["b"].grad).Should().Equal(-1);
    }

    [Fact]
    public void Gradients_that_do_not_conflict_are_summed()
    {
        double[][] gradients = [[1, 2, 0], [0.5, 0, 3], [0, 1, 1]];

        ShouldBeClose(Descend(LossBalancing.PCGrad(), gradients, 0), [1.5, 3, 4], 1e-12);
    }

    [Fact]
    public void Three_gradients_are_projected_in_an_order_that_the_step_draws()
    {
        // Every combination of orders of the two others, as the paper's algorithm says it.
        var possible = new List<double[]>();
        for (var orders = 0; orders < 8; orders++)
        {
            var sum = new double[4];
            for (var i = 0; i < 3; i++)
            {
                int[] others = [.. Enumerable.Range(0, 3).Where(j => j != i)];
                if ((orders >> i & 1) == 1)
                    Array.Reverse(others);
                var projected = conflicting[i].ToArray();
                foreach (var j in others)
                {
                    var product = Dot(projected, conflicting[j]);
                    if (product < 0)
                        projected = [.. projected.Zip(conflicting[j], (p, g) => p - product / Dot(conflicting[j], conflicting[j]) * g)];
                }

                sum = [.. sum.Zip(projected, (s, p) => s + p)];
            }

            possible.Add(sum);
        }

        var seen = new HashSet<int>();
        for (var step = 0L; step < 40; step++)
        {
            var result = Descend(LossBalancing.PCGrad(), conflicting, step);
            ShouldBeClose(Descend(LossBalancing.PCGrad(), conflicting, step), result, 0);
            var match = possible.FindIndex(p => p.Zip(result, (e, r) => Math.Abs(e - r)).Max() < 1e-12);
            match.Should().BeGreaterThanOrEqualTo(0, $"step {step} gives a result of one of the orders");
            seen.Add(match);
        }

        seen.Count.Should().BeGreaterThan(4);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void Conflict_averse_direction_is_the_best_for_the_task_it_serves_worst(double c)
    {
        double[][][] cases = [conflicting, [[1, 0], [-0.2, 3], [0.4, 0.1]], [[1, 2, 0], [0.5, 0, 3], [0, 1, 1]], [[1, 0], [0, 5], [3, 1]]];
        foreach (var gradients in cases)
        {
            var direction = Descend(LossBalancing.CAGrad(c), gradients, 0).Select(value => value / 3).ToArray();
            double[] mean = [.. Enumerable.Range(0, direction.Length).Select(i => gradients.Average(g => g[i]))];
            var radius = c * Math.Sqrt(Dot(mean, mean));

            // It lies within the ball, and its worst product reaches the least value of the dual problem over a fine grid: by
            // duality nothing in the ball is better.
            double[] away = [.. direction.Zip(mean, (d, m) => d - m)];
            Math.Sqrt(Dot(away, away)).Should().BeLessThanOrEqualTo(radius * (1 + 1e-6));
            var worst = gradients.Min(gradient => Dot(gradient, direction));
            var dual = double.PositiveInfinity;
            for (var i = 0; i <= 200; i++)
            {
                for (var j = 0; j <= 200 - i; j++)
                {
                    double[] w = [i / 200.0, j / 200.0, (200 - i - j) / 200.0];
                    double[] mixed = [.. direction.Select((_, d) => w.Zip(gradients, (weight, g) => weight * g[d]).Sum())];
                    dual = Math.Min(dual, Dot(mixed, mean) + radius * Math.Sqrt(Dot(mixed, mixed)));
                }
            }

            worst.Should().BeLessThanOrEqualTo(dual + 1e-7);
            worst.Should().BeGreaterThan(dual - 1e-3);
        }
    }

    [Fact]
    public void Conflict_averse_direction_of_two_tasks_has_the_least_dual_value()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.CAGrad(0.4).Create(Names);

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);

        // The weight of task a by golden-section search on the paper's dual problem.
        var (a, b) = (Gradient(0, Start), Gradient(1, Start));
        double[] mean = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        var radius = 0.4 * Math.Sqrt(Dot(mean, mean));
        double[] Mixed(double w) => [w * a[0] + (1 - w) * b[0], w * a[1] + (1 - w) * b[1]];
        double Dual(double w) => Dot(Mixed(w), mean) + radius * Math.Sqrt(Dot(Mixed(w), Mixed(w)));
        var (low, high) = (0.0, 1.0);
        for (var i = 0; i < 100; i++)
        {
            var (left, right) = (high - (high - low) * 0.618033988749895, low + (high - low) * 0.618033988749895);
            (low, high) = Dual(left) < Dual(right) ? (low, right) : (left, high);
        }

        var best = Mixed((low + high) / 2);
        double[] expected = [.. mean.Zip(best, (m, g) => 2 * (m + radius / Math.Sqrt(Dot(best, best)) * g))];
        ShouldBeClose(Numbers(tasks.Shared.grad), expected, 1e-4);
        Numbers(tasks.Own["a"].grad).Should().Equal(-1);
        Numbers(tasks.Own["b"].grad).Should().Equal(-1);
    }

    [Fact]
    public void Conflict_aversion_of_nothing_descends_the_sum() =>
        ShouldBeClose(Descend(LossBalancing.CAGrad(0), conflicting, 0), [-0.1, -0.3, 0.4, 0.1], 1e-12);

    [Fact]
    public void Gradients_that_cancel_give_a_gradient_of_nothing()
    {
        double[][] gradients = [[1, -2], [-1, 2]];

        ShouldBeClose(Descend(LossBalancing.CAGrad(0.5), gradients, 0), [0, 0], 1e-12);
        ShouldBeClose(Descend(LossBalancing.PCGrad(), gradients, 0), [0, 0], 1e-12);
        ShouldBeClose(Descend(LossBalancing.CAGrad(0.5), [[0, 0], [0, 0]], 0), [0, 0], 0);
    }

    [Fact]
    public void Several_shared_parameters_count_as_one_vector()
    {
        using var scope = NewDisposeScope();
        using var balancer = LossBalancing.CAGrad().Create(three);
        var (first, second) = (new Parameter(zeros(1, dtype: ScalarType.Float64)), new Parameter(zeros(1, 3, dtype: ScalarType.Float64)));
        var losses = three.Select((name, i) =>
            (name, (first * conflicting[i][0]).sum() + (second * tensor(conflicting[i][1..])).sum())).ToArray();

        balancer.Backward(losses, [first, second], 0);

        double[] joined = [.. Numbers(first.grad), .. Numbers(second.grad)];
        ShouldBeClose(joined, Descend(LossBalancing.CAGrad(), conflicting, 0), 1e-7);
    }

    /// <summary>The gradient that a method makes of given ones.</summary>
    private static double[] Descend(LossBalancing method, double[][] gradients, long step)
    {
        using var scope = NewDisposeScope();
        using var balancer = method.Create(three[..gradients.Length]);
        var shared = new Parameter(zeros(gradients[0].Length, dtype: ScalarType.Float64));
        balancer.Backward([.. gradients.Select((gradient, i) => (three[i], (shared * tensor(gradient)).sum()))], [shared], step);
        return Numbers(shared.grad);
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static void ShouldBeClose(double[] actual, double[] expected, double tolerance)
    {
        actual.Should().HaveSameCount(expected);
        for (var i = 0; i < actual.Length; i++)
            actual[i].Should().BeApproximately(expected[i], tolerance);
    }
}
