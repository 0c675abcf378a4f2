using MultiInputNet.Training;
using static MultiInputNet.Tests.Training.Balancing.TwoTasks;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

public sealed class WeightTests
{
    [Fact]
    public void Uncertainty_descends_its_formula_for_likelihoods_and_squared_errors()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.Uncertainty().Create(Names, squaredErrors: ["b"]);
        using (no_grad())
        {
            balancer.Parameters[0].fill_(0.3);
            balancer.Parameters[1].fill_(-0.5);
        }

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);

        // exp(-s) L + s/2, and exp(-s) L / 2 + s/2.
        var (a, b) = (Gradient(0, Start), Gradient(1, Start));
        var (wa, wb) = (Math.Exp(-0.3), Math.Exp(0.5) / 2);
        var shared = Numbers(tasks.Shared.grad);
        shared[0].Should().BeApproximately(wa * a[0] + wb * b[0], 1e-6);
        shared[1].Should().BeApproximately(wa * a[1] + wb * b[1], 1e-6);
        balancer.Parameters[0].grad!.item<float>().Should().BeApproximately((float)(-wa * LossAt(0, Start) + 0.5), 1e-5f);
        balancer.Parameters[1].grad!.item<float>().Should().BeApproximately((float)(-wb * LossAt(1, Start) + 0.5), 1e-5f);
        balancer.Weights["a"].Should().BeApproximately(wa, 1e-6);
        balancer.Weights["b"].Should().BeApproximately(wb, 1e-6);
    }

    [Fact]
    public void Uncertainty_of_a_task_that_is_not_there_does_not_move()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.Uncertainty().Create(Names);

        balancer.Backward([tasks.Loss("a")], [tasks.Shared], 0);

        balancer.Parameters[0].grad.Should().NotBeNull();
        balancer.Parameters[1].grad.Should().BeNull();
    }

    [Fact]
    public void Dynamic_weight_average_follows_its_formula()
    {
        using var balancer = LossBalancing.DynamicWeightAverage(temperature: 2).Create(Names);
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 1, ["b"] = 2 });
        balancer.Weights.Values.Should().Equal(1, 1);

        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 0.5, ["b"] = 1.8 });

        var (a, b) = (Math.Exp(0.5 / 2), Math.Exp(0.9 / 2));
        balancer.Weights["a"].Should().BeApproximately(2 * a / (a + b), 1e-12);
        balancer.Weights["b"].Should().BeApproximately(2 * b / (a + b), 1e-12);

        // Task b is not trained in this epoch: its ratio stays.
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 0.45 });
        a = Math.Exp(0.9 / 2);
        balancer.Weights["a"].Should().BeApproximately(2 * a / (a + b), 1e-12);
    }

    [Fact]
    public void Dynamic_weight_average_multiplies_the_losses()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.DynamicWeightAverage(temperature: 0.1).Create(Names);
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 1, ["b"] = 1 });
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 0.5, ["b"] = 0.6 });

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);

        var share = 1 / (1 + Math.Exp(-1));
        Numbers(tasks.Own["a"].grad)[0].Should().BeApproximately(-2 * (1 - share), 1e-12);
        Numbers(tasks.Own["b"].grad)[0].Should().BeApproximately(-2 * share, 1e-12);
    }

    [Fact]
    public void Dynamic_weight_average_stays_finite_whatever_the_losses()
    {
        using var balancer = LossBalancing.DynamicWeightAverage(temperature: 1e-3).Create(Names);
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 0, ["b"] = 1e-9 });
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 5, ["b"] = 1e9 });
        balancer.EndEpoch(new Dictionary<string, double> { ["a"] = double.NaN, ["b"] = 1 });

        balancer.Weights.Values.Should().OnlyContain(weight => double.IsFinite(weight));
        balancer.Weights.Values.Sum().Should().BeApproximately(2, 1e-9);
    }
}
