using System.Text.Json.Nodes;
using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Tests.Weights;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>The unit of a regression's labels decides nothing: the head learns standardised values and gives the labels' own.</summary>
public sealed class TargetStandardizationTests
{
    private static MultiInputModel Build(RegressionSpec? head = null, int seed = 3)
    {
        random.manual_seed(seed);
        return MultiInputModel.Define().Input("car", Inputs.Tabular(4)).Input("digit", Inputs.Image(1, 4, 4))
            .Base(Bases.ConvNet(6, 8))
            .Task("car", head ?? Heads.Regression(1)).Task("digit", Heads.Classification(2)).Build(CPU);
    }

    private static TensorSource[] Sources(double scale = 1, double offset = 0, int count = 96, int seed = 8)
    {
        random.manual_seed(seed);
        var (cars, digits) = (randn(count, 4), randn(count, 1, 4, 4));
        return
        [
            new("car", cars, cars.to(ScalarType.Float64).narrow(1, 0, 2).sum(1, keepdim: true) * scale + offset),
            new("digit", digits, (digits.mean([1, 2, 3]) > 0).to(ScalarType.Int64)),
        ];
    }

    private static TrainerOptions Options => new() { Epochs = 6, BatchSize = 16, LearningRate = 5e-3 };

    [Theory]
    [InlineData(1000, 0)]
    [InlineData(1e-4, 0)]
    [InlineData(1, 1e9)]
    [InlineData(1e30, -5e30)]
    public void A_target_in_another_unit_trains_the_same_model(double scale, double offset)
    {
        using var scope = NewDisposeScope();
        using var plain = Build();
        using var other = Build();

        var first = new Trainer(plain, Options).Fit(Sources());
        var second = new Trainer(other, Options).Fit(Sources(scale, offset));

        foreach (var (name, value) in other.state_dict().Where(pair => !pair.Key.Contains("target_", StringComparison.Ordinal)))
            value.ShouldEqual(plain.state_dict()[name], 1e-3, name);
        second.Epochs[^1].Losses["car"].Should().BeApproximately(first.Epochs[^1].Losses["car"], 1e-4);
        var (expected, actual) = (new Trainer(plain).Evaluate(Sources(seed: 9)), new Trainer(other).Evaluate(Sources(scale, offset, seed: 9)));
        actual["digit"].PrimaryValue.Should().Be(expected["digit"].PrimaryValue);
        actual["car"].Metrics["r2"].Should().BeApproximately(expected["car"].Metrics["r2"], 1e-3).And.BeGreaterThan(0.5);
        (actual["car"].Metrics["rmse"] / scale).Should().BeApproximately(expected["car"].Metrics["rmse"], 1e-3, "metrics are in the labels' units");
        actual["car"].Loss.Should().BeApproximately(expected["car"].Loss, 1e-3, "losses have none");
        using var noGrad = no_grad();
        var samples = randn(5, 4);
        ((other.forward(samples, "car").to(ScalarType.Float64) - offset) / scale).ShouldEqual(plain.forward(samples, "car").to(ScalarType.Float64), 1e-3);
    }

    [Fact]
    public void Seconds_since_1970_can_be_learned()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var seconds = 1_700_000_000 + arange(200, ScalarType.Float64);
        var samples = cat([(seconds - 1_700_000_100).unsqueeze(1) / 60, randn(200, 3, ScalarType.Float64)], 1).to(ScalarType.Float32);
        using var model = Build();

        new Trainer(model, Options with { Epochs = 40 }).Fit([new TensorSource("car", samples, seconds.unsqueeze(1))]);

        var result = new Trainer(model).Evaluate([new TensorSource("car", samples, seconds.unsqueeze(1))])["car"];
        result.Metrics["r2"].Should().BeGreaterThan(0.9);
        result.Loss.Should().BeLessThan(0.1);
        using var noGrad = no_grad();
        model.forward(samples, "car").dtype.Should().Be(ScalarType.Float64, "single precision has steps of 128 there");
    }

    [Fact]
    public void Mean_and_deviation_are_those_of_all_labels_that_are_there()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(60, 4), randn(60, 3, ScalarType.Float64) * 0.01 + 1e9);
        labels[7..20, 0] = double.NaN;
        labels[.., 1] = 5;
        labels[.., 2] = double.NaN;
        TensorSource[] sources = [new("a", Inputs(samples[..50]), Labels(labels[..50])), new("b", Inputs(samples[50..]), Labels(labels[50..].to(ScalarType.Float64)))];
        using var model = Build(Heads.Regression(3));

        new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 1 }).Fit(sources);

        var head = (RegressionHead)model.Head("car");
        var there = labels.select(1, 0).masked_select(labels.select(1, 0).isnan().logical_not());
        head.TargetMean[0].Should().BeApproximately(1e9 + (there - 1e9).mean().item<double>(), 2e-7);
        head.TargetDeviation[0].Should().BeApproximately((there - 1e9).std(unbiased: false).item<double>(), 1e-8);
        head.TargetMean.Skip(1).Should().Equal(5, 0);
        head.TargetDeviation.Skip(1).Should().Equal(1, 1);

        // A later training keeps them, and so does another model made of this one.
        var kept = head.TargetMean.Concat(head.TargetDeviation).ToArray();
        new Trainer(model, new() { Epochs = 1 }).Fit([new TensorSource("car", Inputs(samples), Labels(labels * 3))]);
        using var grown = model.Grow(add => add.Task("more", Heads.Regression(1), from: ["car"]));
        using var smaller = grown.RemoveTask("digit");
        foreach (var its in new[] { model, grown, smaller })
            ((RegressionHead)its.Head("car")).TargetMean.Concat(((RegressionHead)its.Head("car")).TargetDeviation).Should().Equal(kept);
        ((RegressionHead)grown.Head("more")).HasTargetStatistics.Should().BeFalse();

        static Dictionary<string, Tensor> Inputs(Tensor samples) => new() { ["car"] = samples };
        static Dictionary<string, Tensor> Labels(Tensor labels) => new() { ["car"] = labels };
    }

    [Fact]
    public void The_loss_is_the_mean_squared_error_of_standardised_values()
    {
        using var scope = NewDisposeScope();
        using var head = new RegressionHead(3, 2);
        head.SetTargetStatistics([1000, -2], [50, 0.001]);
        var (mean, deviation) = (tensor([1000.0, -2]), tensor([50, 0.001]));
        var (x, labels) = (randn(6, 3), randn(6, 2, ScalarType.Float64) * deviation + mean);
        labels[2, 0] = double.NaN;

        var output = head.forward(x);
        var loss = head.Loss(output, labels);
        loss.backward();

        // The same in double precision, by the plain linear layer.
        var weight = head.state_dict()["layers.linear.weight"].detach().to(ScalarType.Float64).requires_grad_();
        var bias = head.state_dict()["layers.linear.bias"].detach().to(ScalarType.Float64);
        var z = x.to(ScalarType.Float64).mm(weight.t()) + bias;
        var goal = (labels - mean) / deviation;
        var expected = (z - goal.where(goal.isnan().logical_not(), z.detach())).square().sum() / 11;
        expected.backward();
        output.dtype.Should().Be(ScalarType.Float32);
        output.to(ScalarType.Float64).ShouldEqual((z * deviation + mean).detach(), 1e-6);
        loss.dtype.Should().Be(ScalarType.Float32);
        loss.to(ScalarType.Float64).ShouldEqual(expected.detach(), 1e-3);
        head.parameters().First().grad!.to(ScalarType.Float64).ShouldEqual(weight.grad!, 1e-3);
    }

    [Theory]
    [InlineData(ScalarType.Float16, 0, 1, ScalarType.Float16)]
    [InlineData(ScalarType.Float16, 0, 5000, ScalarType.Float32)]
    [InlineData(ScalarType.Float16, 30, 1, ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16, 0.1, 1, ScalarType.BFloat16)]
    [InlineData(ScalarType.BFloat16, 1, 1, ScalarType.Float32)]
    [InlineData(ScalarType.Float32, 1000, 1, ScalarType.Float32)]
    [InlineData(ScalarType.Float32, 1.7e9, 50, ScalarType.Float64)]
    [InlineData(ScalarType.Float32, 0, 1e38, ScalarType.Float64)]
    [InlineData(ScalarType.Float32, 0, 1e-36, ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16, 1.7e9, 50, ScalarType.Float64)]
    [InlineData(ScalarType.Float64, 0, 1, ScalarType.Float64)]
    public void Values_come_in_the_narrowest_type_that_holds_them_and_conversions_leave_the_statistics(ScalarType model, double mean, double deviation, ScalarType expected)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var whole = Build();
        var head = (RegressionHead)whole.Head("car");
        head.SetTargetStatistics([mean], [deviation]);

        whole.to(model);

        var samples = randn(5, 4).to(model);
        var output = whole.forward(samples, "car");
        output.dtype.Should().Be(expected);
        output.isfinite().all().ToBoolean().Should().BeTrue();
        double.IsFinite(head.Loss(output, output.to(ScalarType.Float64) + deviation).ToDouble()).Should().BeTrue();
        whole.to(ScalarType.Float16);
        whole.to(CPU, ScalarType.Float32);
        head.TargetMean.Should().Equal(mean);
        head.TargetDeviation.Should().Equal(deviation);
        head.state_dict()["target_mean"].dtype.Should().Be(ScalarType.Float64);
        whole.forward(randn(5, 4), "car").isfinite().all().ToBoolean().Should().BeTrue();
    }

    [Fact]
    public void A_file_keeps_them_and_one_from_before_takes_values_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var file = new TemporaryFile();
        using var model = Build();
        new Trainer(model, Options).Fit(Sources(1000, 5e8));
        model.Save(file.Path);
        using (var loaded = MultiInputModel.Load(file.Path, CPU))
            loaded.ShouldHave(TrainingProblem.Weights(model));

        // Before, neither the weights nor the description knew of standardised labels.
        var description = JsonNode.Parse(model.Description.ToJson())!;
        foreach (var task in description["tasks"]!.AsArray())
            task!["head"]!.AsObject().Remove("standardizes_targets");
        var weights = model.state_dict().Where(pair => !pair.Key.Contains(".target_", StringComparison.Ordinal)).ToDictionary(pair => pair.Key, pair => pair.Value);
        WeightFile.Write(file.Path, weights, new Dictionary<string, string> { ["multi_input_net.description"] = description.ToJsonString() });
        using var before = MultiInputModel.Load(file.Path, CPU);
        using var noGrad = no_grad();
        var samples = randn(5, 4);
        var head = (RegressionHead)model.Head("car");
        var standardised = (model.forward(samples, "car").to(ScalarType.Float64) - head.TargetMean[0]) / head.TargetDeviation[0];
        before.forward(samples, "car").to(ScalarType.Float64).ShouldEqual(standardised, 1e-3, "the linear layer gives the values");

        // It was trained with values as they are, and stays so.
        using (enable_grad())
            new Trainer(before, new() { Epochs = 1 }).Fit(Sources(1000));
        ((RegressionHead)before.Head("car")).TargetDeviation.Should().Equal(1);
        using var again = Build();
        again.LoadWeights(file.Path).IsComplete.Should().BeTrue();
        ((RegressionHead)again.Head("car")).TargetDeviation.Should().Equal(1);
    }

    [Fact]
    public void What_is_fixed_switched_off_or_frozen_is_left_alone()
    {
        using var scope = NewDisposeScope();
        RegressionHead Fit(RegressionSpec spec, bool freeze = false)
        {
            using var model = Build(spec);
            if (freeze)
                model.Freeze(Parts.Heads("car"));
            new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 1 }).Fit(Sources(10, 3));
            var its = (RegressionHead)model.Head("car");
            var copy = new RegressionHead(1, 1);
            if (its.HasTargetStatistics)
                copy.SetTargetStatistics(its.TargetMean, its.TargetDeviation);
            return copy;
        }

        Fit(new(1) { Mean = [7], StandardDeviation = [3] }).TargetMean.Should().Equal(7);
        Fit(new(1) { StandardizesTargets = false }).TargetDeviation.Should().Equal(1);
        Fit(new(1), freeze: true).HasTargetStatistics.Should().BeFalse("a frozen head gives what it gave");
        Fit(new(1)).TargetDeviation[0].Should().BeInRange(10, 20);

        var spec = new RegressionSpec(1) { Mean = [7], StandardDeviation = [3] };
        using var model = Build(spec);
        using var read = ModelDescription.FromJson(model.Description.ToJson()).Build(CPU);
        ((RegressionHead)read.Head("car")).TargetDeviation.Should().Equal(3);
    }

    [Fact]
    public void Statistics_that_cannot_be_are_refused()
    {
        using var scope = NewDisposeScope();
        FluentActions.Invoking(() => Build(new(2) { Mean = [7], StandardDeviation = [3] })).Should().Throw<MultiInputException>()
            .WithMessage("Task 'car', head: it has 2 outputs, 1 means and 1 deviations of their labels. Give one of each for every output.");
        FluentActions.Invoking(() => Build(new(1) { Mean = [7] })).Should().Throw<MultiInputException>().WithMessage("*1 means and 0 deviations*");
        FluentActions.Invoking(() => Build(new(1) { Mean = [double.NaN], StandardDeviation = [1] })).Should().Throw<MultiInputException>().WithMessage("*a mean of its labels is not finite*");
        FluentActions.Invoking(() => Build(new(1) { Mean = [0], StandardDeviation = [0] })).Should().Throw<MultiInputException>().WithMessage("*or a deviation not above 0*");
        FluentActions.Invoking(() => Build(new(1) { Mean = [0], StandardDeviation = [1], StandardizesTargets = false })).Should().Throw<MultiInputException>().WithMessage("*is not to standardise them*");
        using var model = Build();
        var sources = Sources();
        sources[0].Targets["car"][3, 0] = double.PositiveInfinity;
        FluentActions.Invoking(() => new Trainer(model).Fit(sources)).Should().Throw<MultiInputException>()
            .WithMessage("Labels, target: those of output 0 are infinite, or too large to be squared. Give finite labels, and NaN for missing ones.");
    }
}
