using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

public sealed class WeightAverageTests
{
    private static Sequential Network() =>
        nn.Sequential(("linear", nn.Linear(3, 4)), ("norm", nn.BatchNorm1d(4)), ("last", nn.Linear(4, 2)));

    private static float[] Values(nn.Module module, string name) => module.state_dict()[name].detach().data<float>().ToArray();

    private static void Disturb(nn.Module module)
    {
        using var noGrad = no_grad();
        foreach (var parameter in module.parameters().Where(parameter => parameter.requires_grad))
            parameter.add_(randn_like(parameter));
    }

    [Theory]
    [InlineData(0.9)]
    [InlineData(0.25)]
    public void Averages_follow_the_formula_with_its_warm_up(double decay)
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var average = new WeightAverage(module, decay);
        double expected = Values(module, "linear.weight")[0], variance = 1;
        module.train();
        for (var n = 0; n < 12; n++)
        {
            Disturb(module);
            module.forward(randn(5, 3) * 3);
            average.Update();
            var d = Math.Min(decay, (1.0 + n) / (10 + n));
            expected = d * expected + (1 - d) * Values(module, "linear.weight")[0];
            variance = d * variance + (1 - d) * Values(module, "norm.running_var")[2];
        }

        using (average.Apply())
        {
            ((double)Values(module, "linear.weight")[0]).Should().BeApproximately(expected, 1e-5);
            ((double)Values(module, "norm.running_var")[2]).Should().BeApproximately(variance, 1e-4 * variance);
            module.state_dict()["norm.num_batches_tracked"].item<long>().Should().Be(12);
        }

        average.Updates.Should().Be(12);
    }

    [Fact]
    public void Weights_come_back_bit_for_bit_and_the_average_is_kept()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var average = new WeightAverage(module);
        Disturb(module);
        average.Update();
        Disturb(module);
        var before = module.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());

        var restoration = average.Apply();
        var averaged = Values(module, "last.weight");
        averaged.Should().NotEqual(before["last.weight"].data<float>().ToArray());
        restoration.Dispose();
        restoration.Dispose();

        foreach (var (name, value) in module.state_dict())
            value.eq(before[name]).all().ToBoolean().Should().BeTrue(name);
        using (average.Apply())
            Values(module, "last.weight").Should().Equal(averaged);
    }

    [Fact]
    public void An_evaluation_that_fails_leaves_the_weights_as_they_were()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        var average = new WeightAverage(module);
        Disturb(module);
        var before = Values(module, "last.bias");

        average.Apply();
        Values(module, "last.bias").Should().NotEqual(before);
        average.Dispose();

        Values(module, "last.bias").Should().Equal(before);
    }

    [Fact]
    public void While_the_average_is_in_place_nothing_else_is_done()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var average = new WeightAverage(module);
        using (average.Apply())
        {
            average.Invoking(a => a.Update()).Should().Throw<InvalidOperationException>();
            average.Invoking(a => a.Apply()).Should().Throw<InvalidOperationException>();
            average.Invoking(a => a.State()).Should().Throw<InvalidOperationException>();
        }

        average.Invoking(a => a.Update()).Should().NotThrow();
    }

    [Fact]
    public void Frozen_parameters_are_not_held_and_unfrozen_ones_are_from_then_on()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        foreach (var (_, parameter) in module.named_parameters().Where(pair => pair.name.StartsWith("linear", StringComparison.Ordinal)))
            parameter.requires_grad = false;
        using var average = new WeightAverage(module, decay: 0.5);
        var frozen = Values(module, "linear.weight");
        Disturb(module);
        average.Update();
        average.State().Keys.Should().NotContain("averages.linear.weight").And.Contain("averages.last.weight");
        using (average.Apply())
            Values(module, "linear.weight").Should().Equal(frozen);

        foreach (var parameter in module.parameters())
            parameter.requires_grad = true;
        average.Update();
        Disturb(module);
        average.Update();

        // Behind two updates, d = 3 / 12.
        var expected = 0.25 * frozen[0] + 0.75 * Values(module, "linear.weight")[0];
        using (average.Apply())
            ((double)Values(module, "linear.weight")[0]).Should().BeApproximately(expected, 1e-6);
    }

    [Fact]
    public void A_weight_that_does_not_change_is_its_own_average_bit_for_bit()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var average = new WeightAverage(module, decay: 0.7);
        var before = Values(module, "linear.weight");
        for (var i = 0; i < 20; i++)
            average.Update();

        using (average.Apply())
            Values(module, "linear.weight").Should().Equal(before);
    }

    [Fact]
    public void A_loaded_state_goes_on_exactly()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var average = new WeightAverage(module, decay: 0.9);
        for (var i = 0; i < 5; i++)
        {
            Disturb(module);
            average.Update();
        }

        using var resumed = new WeightAverage(module, decay: 0.9);
        resumed.Load(average.State());
        Disturb(module);
        average.Update();
        resumed.Update();

        var (a, b) = (average.State(), resumed.State());
        a.Keys.Should().BeEquivalentTo(b.Keys);
        foreach (var (name, value) in a)
            value.eq(b[name]).all().ToBoolean().Should().BeTrue(name);
    }

    [Fact]
    public void A_state_of_another_module_is_refused()
    {
        using var scope = NewDisposeScope();
        using var module = Network();
        using var other = nn.Sequential(("linear", nn.Linear(3, 5)));
        using var average = new WeightAverage(module);
        using var otherAverage = new WeightAverage(other);

        average.Invoking(a => a.Load(otherAverage.State())).Should().Throw<MultiInputException>();
        otherAverage.Invoking(a => a.Load(average.State())).Should().Throw<MultiInputException>();
        average.Invoking(a => a.Load(new Dictionary<string, Tensor>())).Should().Throw<MultiInputException>().WithMessage("*'updates'*");
        FluentActions.Invoking(() => new WeightAverage(module, 1)).Should().Throw<ArgumentOutOfRangeException>();
    }

    [Fact]
    public void The_number_of_live_tensors_stays()
    {
        using var module = Network();
        using var average = new WeightAverage(module);
        void Step()
        {
            average.Update();
            using (average.Apply())
            {
            }

            foreach (var value in average.State().Values)
                value.Dispose();
        }

        Step();
        GC.Collect(); // what earlier tests left to the finalizers
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        for (var i = 0; i < 100; i++)
            Step();
        Tensor.TotalCount.Should().Be(before);
    }
}
