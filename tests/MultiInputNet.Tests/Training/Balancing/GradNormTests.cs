using MultiInputNet.Training;
using TorchSharp.Modules;
using static MultiInputNet.Tests.Training.Balancing.TwoTasks;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

public sealed class GradNormTests
{
    [Fact]
    public void Weights_descend_the_formula_step_by_step()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.GradNorm(alpha: 1.5, learningRate: 0.05).Create(Names);
        double[] weights = [1, 1], moments = [0, 0], squares = [0, 0], shared = [.. Start];
        double[] first = [LossAt(0, Start), LossAt(1, Start)];
        for (var step = 1; step <= 8; step++)
        {
            tasks.Shared.grad = null;
            balancer.Backward(tasks.Losses(), [tasks.Shared], step);

            // The model's gradient has the weights of before.
            var (a, b) = (Gradient(0, shared), Gradient(1, shared));
            Numbers(tasks.Shared.grad)[0].Should().BeApproximately(weights[0] * a[0] + weights[1] * b[0], 1e-7);
            Numbers(tasks.Shared.grad)[1].Should().BeApproximately(weights[0] * a[1] + weights[1] * b[1], 1e-7);

            // The derivative of the paper's loss by central differences, the target held fast; then Adam; then the sum of 2.
            double[] norms = [Math.Sqrt(a[0] * a[0] + a[1] * a[1]), Math.Sqrt(b[0] * b[0] + b[1] * b[1])];
            double[] shares = [LossAt(0, shared) / first[0], LossAt(1, shared) / first[1]];
            var mean = (weights[0] * norms[0] + weights[1] * norms[1]) / 2;
            double[] targets = [.. shares.Select(share => mean * Math.Pow(share / shares.Average(), 1.5))];
            double Loss(int task, double weight) => Math.Abs(weight * norms[task] - targets[task]);
            for (var task = 0; task < 2; task++)
            {
                var slope = (Loss(task, weights[task] + 1e-6) - Loss(task, weights[task] - 1e-6)) / 2e-6;
                moments[task] = 0.9 * moments[task] + 0.1 * slope;
                squares[task] = 0.999 * squares[task] + 0.001 * slope * slope;
                var (moment, square) = (moments[task] / (1 - Math.Pow(0.9, step)), squares[task] / (1 - Math.Pow(0.999, step)));
                weights[task] -= 0.05 * moment / (Math.Sqrt(square) + 1e-8);
            }

            var sum = weights.Sum();
            weights = [.. weights.Select(weight => 2 * weight / sum)];
            balancer.Weights["a"].Should().BeApproximately(weights[0], 1e-6);
            balancer.Weights["b"].Should().BeApproximately(weights[1], 1e-6);

            shared = [shared[0] - 0.1, shared[1] + 0.05];
            using var noGrad = no_grad();
            tasks.Shared.copy_(tensor(shared));
        }
    }

    [Fact]
    public void Without_alpha_the_weighted_gradients_become_equally_large()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.GradNorm(alpha: 0, learningRate: 0.005).Create(Names);
        for (var step = 0; step < 600; step++)
        {
            using var inner = NewDisposeScope();
            balancer.Backward(tasks.Losses(), [tasks.Shared], step);
        }

        double Norm(int task) => Math.Sqrt(Gradient(task, Start).Sum(g => g * g));
        balancer.Weights["a"].Should().BeApproximately(2 * Norm(1) / (Norm(0) + Norm(1)), 0.01);
        balancer.Weights.Values.Sum().Should().BeApproximately(2, 1e-9);
    }

    [Fact]
    public void The_last_matrix_is_measured_and_not_the_bias_behind_it()
    {
        using var scope = NewDisposeScope();
        using var balancer = LossBalancing.GradNorm(learningRate: 0.1).Create(Names);
        var (matrix, bias) = (new Parameter(ones(1, 1)), new Parameter(ones(1)));

        // Task b has the larger gradient at the matrix and the smaller one at the bias: its weight falls.
        balancer.Backward([("a", (matrix + 100 * bias).sum()), ("b", (50 * matrix + bias).sum())], [matrix, bias], 0);

        balancer.Weights["b"].Should().BeApproximately(0.9, 1e-6);
    }

    [Fact]
    public void Three_tasks_of_which_one_is_away_keep_the_sum_of_three()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.GradNorm().Create(["a", "b", "c"]);
        for (var step = 0; step < 20; step++)
            balancer.Backward(tasks.Losses(), [tasks.Shared], step);

        balancer.Weights["c"].Should().Be(1);
        balancer.Weights.Values.Sum().Should().BeApproximately(3, 1e-9);
        balancer.Weights["a"].Should().BeLessThan(0.9);
    }

    [Fact]
    public void A_loss_of_nothing_leaves_the_weights_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.GradNorm().Create(Names);

        balancer.Backward([tasks.Loss("a"), ("b", tasks.Shared.sum() * 0)], [tasks.Shared], 0);

        balancer.Weights.Values.Should().Equal(1, 1);
    }
}
