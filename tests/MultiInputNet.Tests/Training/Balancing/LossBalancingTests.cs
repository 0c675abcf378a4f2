using MultiInputNet.Training;
using TorchSharp.Modules;
using static MultiInputNet.Tests.Training.Balancing.TwoTasks;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training.Balancing;

public sealed class LossBalancingTests
{
    private static readonly Dictionary<string, LossBalancing> methods = new()
    {
        ["equal"] = LossBalancing.Equal,
        ["fixed"] = LossBalancing.Fixed(new Dictionary<string, double> { ["a"] = 0.25, ["b"] = 3 }),
        ["uncertainty"] = LossBalancing.Uncertainty(),
        ["average"] = LossBalancing.DynamicWeightAverage(),
        ["gradnorm"] = LossBalancing.GradNorm(),
        ["pcgrad"] = LossBalancing.PCGrad(),
        ["cagrad"] = LossBalancing.CAGrad(),
    };

    public static TheoryData<string> Methods => [.. methods.Keys];

    [Fact]
    public void Equal_is_backward_of_the_sum()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.Equal.Create(Names);

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);

        var (a, b) = (Gradient(0, Start), Gradient(1, Start));
        Numbers(tasks.Shared.grad).Should().Equal(a[0] + b[0], a[1] + b[1]);
        Numbers(tasks.Own["a"].grad).Should().Equal(-1);
        Numbers(tasks.Own["b"].grad).Should().Equal(-1);
        balancer.Weights.Should().Equal(new Dictionary<string, double> { ["a"] = 1, ["b"] = 1 });
    }

    [Fact]
    public void Fixed_weights_multiply_the_losses_and_others_have_one()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.Fixed(new Dictionary<string, double> { ["b"] = 4 }).Create(Names);

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);

        var (a, b) = (Gradient(0, Start), Gradient(1, Start));
        Numbers(tasks.Shared.grad).Should().Equal(a[0] + 4 * b[0], a[1] + 4 * b[1]);
        Numbers(tasks.Own["b"].grad).Should().Equal(-4);
        balancer.Weights.Should().Equal(new Dictionary<string, double> { ["a"] = 1, ["b"] = 4 });
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_task_that_is_not_in_a_step_changes_nothing(string method)
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = methods[method].Create(Names);
        var weight = balancer.Weights["a"];

        balancer.Backward([tasks.Loss("a")], [tasks.Shared], 0);

        var gradient = Gradient(0, Start);
        Numbers(tasks.Shared.grad).Should().Equal(weight * gradient[0], weight * gradient[1]);
        tasks.Own["b"].grad.Should().BeNull();
        balancer.Weights["a"].Should().Be(weight);
        balancer.Weights["b"].Should().Be(methods[method].Create(Names).Weights["b"]);
        balancer.Invoking(b => b.Backward([], [tasks.Shared], 1)).Should().NotThrow();
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_method_that_is_begun_anew_gives_the_same(string method)
    {
        using var scope = NewDisposeScope();
        Run(method).Should().Equal(Run(method));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_loaded_state_goes_on_exactly(string method)
    {
        using var scope = NewDisposeScope();
        Run(method, resumes: true).Should().Equal(Run(method));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Frozen_parameters_and_losses_without_a_gradient_are_left_alone(string method)
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = methods[method].Create(Names);
        tasks.Shared.requires_grad = false;

        balancer.Backward(tasks.Losses(), [tasks.Shared], 0);
        tasks.Shared.grad.Should().BeNull();
        var own = Numbers(tasks.Own["a"].grad)[0];
        own.Should().BeNegative();

        foreach (var parameter in tasks.Own.Values)
            parameter.requires_grad = false;
        balancer.Backward(tasks.Losses(), [tasks.Shared], 1);
        Numbers(tasks.Own["a"].grad)[0].Should().Be(own);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Gradients_are_added_to_what_is_there(string method)
    {
        using var scope = NewDisposeScope();
        using var fresh = new TwoTasks();
        using var added = new TwoTasks();
        added.Shared.grad = full(2, 10.0, dtype: ScalarType.Float64);
        using var first = methods[method].Create(Names);
        using var second = methods[method].Create(Names);

        first.Backward(fresh.Losses(), [fresh.Shared], 0);
        second.Backward(added.Losses(), [added.Shared], 0);

        var gradient = Numbers(fresh.Shared.grad);
        Numbers(added.Shared.grad)[0].Should().BeApproximately(gradient[0] + 10, 1e-12);
        Numbers(added.Shared.grad)[1].Should().BeApproximately(gradient[1] + 10, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Shared_parameters_that_no_loss_reaches_get_no_gradient(string method)
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = methods[method].Create(Names);
        var unreached = new Parameter(ones(2, 2, dtype: ScalarType.Float64));
        var ofOne = new Parameter(tensor(new[,] { { 5.0 } }));
        var (b, loss) = tasks.Loss("b");

        balancer.Backward([tasks.Loss("a"), (b, loss + ofOne.sum())], [ofOne, tasks.Shared, unreached], 0);

        unreached.grad.Should().BeNull();
        Numbers(ofOne.grad)[0].Should().BePositive();
        Numbers(tasks.Shared.grad).Should().OnlyContain(value => double.IsFinite(value));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Losses_of_one_task_are_summed(string method)
    {
        using var scope = NewDisposeScope();
        using var whole = new TwoTasks();
        using var parts = new TwoTasks();
        using var first = methods[method].Create(Names);
        using var second = methods[method].Create(Names);
        var (task, loss) = parts.Loss("a");

        first.Backward(whole.Losses(), [whole.Shared], 0);
        second.Backward([(task, loss * 0.25), parts.Loss("b"), (task, loss * 0.75)], [parts.Shared], 0);

        var (all, summed) = (Numbers(whole.Shared.grad), Numbers(parts.Shared.grad));
        summed[0].Should().BeApproximately(all[0], 1e-9);
        summed[1].Should().BeApproximately(all[1], 1e-9);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void The_number_of_live_tensors_stays(string method)
    {
        using var tasks = new TwoTasks();
        using var balancer = methods[method].Create(Names);
        void Step(long step)
        {
            using var scope = NewDisposeScope();
            balancer.Backward(tasks.Losses(), [tasks.Shared], step);
            balancer.EndEpoch(new Dictionary<string, double> { ["a"] = 1.0 / (step + 1), ["b"] = 2 });
            foreach (var value in balancer.State().Values)
                value.Dispose();
        }

        Step(0);
        GC.Collect(); // what earlier tests left to the finalizers
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var step = 1; step <= 100; step++)
            Step(step);
        Tensor.TotalCount.Should().Be(before);
    }

    [Fact]
    public void Unknown_tasks_are_refused_by_name()
    {
        using var scope = NewDisposeScope();
        using var tasks = new TwoTasks();
        using var balancer = LossBalancing.PCGrad().Create(["a"]);

        balancer.Invoking(b => b.Backward(tasks.Losses(), [tasks.Shared], 0))
            .Should().Throw<MultiInputException>().WithMessage("Task 'b'*");
        FluentActions.Invoking(() => methods["fixed"].Create(["a"])).Should().Throw<MultiInputException>().WithMessage("Task 'b'*");
        FluentActions.Invoking(() => LossBalancing.Uncertainty().Create(["a"], ["b"]))
            .Should().Throw<MultiInputException>().WithMessage("Task 'b'*");
        FluentActions.Invoking(() => LossBalancing.Equal.Create(["a", "a"])).Should().Throw<ArgumentException>();
    }

    [Fact]
    public void Numbers_out_of_their_range_are_refused()
    {
        FluentActions.Invoking(() => LossBalancing.Fixed(new Dictionary<string, double> { ["a"] = -1 }))
            .Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LossBalancing.DynamicWeightAverage(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LossBalancing.GradNorm(double.NaN)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => LossBalancing.CAGrad(1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void A_state_of_another_method_or_task_is_refused()
    {
        using var scope = NewDisposeScope();
        using var uncertainty = LossBalancing.Uncertainty().Create(Names);
        using var norms = LossBalancing.GradNorm().Create(Names);
        using var others = LossBalancing.GradNorm().Create(["a", "c"]);

        norms.Invoking(b => b.Load(uncertainty.State())).Should().Throw<MultiInputException>();
        uncertainty.Invoking(b => b.Load(norms.State())).Should().Throw<MultiInputException>();
        norms.Invoking(b => b.Load(others.State())).Should().Throw<MultiInputException>();
        norms.Invoking(b => b.Load(new Dictionary<string, Tensor>()))
            .Should().Throw<MultiInputException>().WithMessage("*'weights.a' is missing*");
        LossBalancing.PCGrad().Create(Names).Invoking(b => b.Load(norms.State())).Should().Throw<MultiInputException>();
    }

    /// <summary>Ten steps of descent, the task b missing in some, with a new balancer after five if asked.</summary>
    private static double[] Run(string method, bool resumes = false)
    {
        using var tasks = new TwoTasks();
        var balancer = methods[method].Create(Names);
        using var noGrad = no_grad();
        for (var step = 0; step < 10; step++)
        {
            if (resumes && step == 5)
            {
                var state = balancer.State();
                balancer = methods[method].Create(Names);
                balancer.Load(state);
            }

            using (enable_grad())
                balancer.Backward(step % 3 == 2 ? [tasks.Loss("a")] : tasks.Losses(), [tasks.Shared], step);
            foreach (var parameter in tasks.Own.Values.Append(tasks.Shared).Concat(balancer.Parameters))
            {
                if (parameter.grad is { } gradient)
                    parameter.sub_(gradient * 0.05);
                parameter.grad = null;
            }

            if (step % 2 == 1)
                balancer.EndEpoch(Names.Index().ToDictionary(name => name.Item, name => LossAt(name.Index, Numbers(tasks.Shared))));
        }

        double[] weights = [.. Names.Select(name => balancer.Weights[name])];
        return [.. Numbers(tasks.Shared), .. Numbers(tasks.Own["a"]), .. Numbers(tasks.Own["b"]), .. weights];
    }
}
