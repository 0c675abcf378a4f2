using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

public sealed class FreezingTests
{
    private static bool IsBase(string name) => name.StartsWith("base_model.", StringComparison.Ordinal);

    [Fact]
    public void Frozen_base_keeps_its_weights_and_statistics_in_training_mode()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var before = TrainingProblem.Weights(model);
        model.Freeze(Parts.Base);

        new Trainer(model, TrainingProblem.Options).Fit(TrainingProblem.Sources());

        TrainingProblem.Changed(model, before).Should().NotBeEmpty().And.NotContain(name => IsBase(name));
        model.IsFrozen(Parts.Base).Should().BeTrue();
        model.IsFrozen(Parts.Heads()).Should().BeFalse();
        model.Summary().Should().Contain("of them not frozen");
    }

    [Fact]
    public void All_but_the_named_parts_is_frozen_whatever_was_frozen_before()
    {
        using var model = TrainingProblem.Build();
        model.Freeze(Parts.Heads("table"));
        var before = TrainingProblem.Weights(model);

        model.FreezeAllBut(Parts.Heads("table"), Parts.Projections("image"));
        new Trainer(model, TrainingProblem.Options).Fit(TrainingProblem.Sources());

        TrainingProblem.Changed(model, before).Should().NotBeEmpty()
            .And.OnlyContain(name => name.StartsWith("output_layers.table") || name.StartsWith("input_projections.image"));
        TrainingProblem.Changed(model, before).Should().Contain(name => name.StartsWith("output_layers.table")).And.Contain(name => name.StartsWith("input_projections.image"));
        model.IsFrozen(Parts.Base).Should().BeTrue();
    }

    [Fact]
    public void Nothing_is_frozen_where_a_part_is_none_or_unknown()
    {
        using var model = TrainingProblem.Build();

        model.Invoking(m => m.FreezeAllBut()).Should().Throw<ArgumentException>().WithMessage("No part is named; to freeze everything, call Freeze(Parts.All).*");
        model.Invoking(m => m.FreezeAllBut(Parts.Heads(), Parts.Heads("gone"))).Should().Throw<MultiInputException>().WithMessage("Task 'gone'*Name one of 'image', 'table'.");
        model.parameters().Should().OnlyContain(parameter => parameter.requires_grad);
    }

    [Fact]
    public async Task Parts_can_be_frozen_while_other_threads_predict()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        model.eval();
        var x = TrainingProblem.Sources()[0].Inputs["image"];
        var expected = model.forward(x, "image").detach();
        var stopped = false;
        var predictions = Enumerable.Range(0, 2).Select(_ => Task.Run(Predict)).ToArray();

        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.ElapsedMilliseconds < 5_000 && !predictions.Any(task => task.IsCompleted);)
        {
            model.Freeze(Parts.Base);
            model.Unfreeze(Parts.All);
            model.Freeze(Parts.Heads());
            model.Unfreeze(Parts.Heads());
        }

        Volatile.Write(ref stopped, true);
        foreach (var count in await Task.WhenAll(predictions))
            count.Should().BeGreaterThan(10);
        model.parameters().Should().OnlyContain(parameter => parameter.requires_grad);

        int Predict()
        {
            using var noGrad = no_grad();
            var count = 0;
            for (; !Volatile.Read(ref stopped); count++)
            {
                using var inner = NewDisposeScope();
                model.forward(x, "image").eq(expected).all().ToBoolean().Should().BeTrue();
            }

            return count;
        }
    }

    [Fact]
    public void Frozen_stays_frozen_whatever_train_is_called()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        model.Freeze(Parts.Base);
        var before = TrainingProblem.Weights(model);
        var x = TrainingProblem.Sources()[0].Inputs["image"];

        model.train();
        model.Run(x);
        foreach (var module in model.modules())
            module.train();
        model.Run(x);
        model.eval();
        model.train(true);
        model.Run(x);

        model.ShouldHave(before);
        model.modules().OfType<TorchSharp.Modules.BatchNorm>().Select(norm => norm.training).Should().OnlyContain(training => !training);
    }

    [Fact]
    public void What_is_converted_while_it_is_frozen_stays_frozen_until_it_is_unfrozen()
    {
        using var model = TrainingProblem.Build();
        model.Freeze(Parts.Base);

        model.to(ScalarType.Float64);
        model.named_parameters().Where(pair => pair.parameter.requires_grad).Should().NotBeEmpty().And.NotContain(pair => IsBase(pair.name));

        model.Unfreeze(Parts.Base);
        model.parameters().Should().OnlyContain(parameter => parameter.requires_grad);
    }

    [Fact]
    public void Unfreezing_brings_gradients_and_statistics_back()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        model.Freeze(Parts.Base, Parts.Projections("image"));
        model.Unfreeze(Parts.Base);
        var before = TrainingProblem.Weights(model);

        new Trainer(model, TrainingProblem.Options).Fit(TrainingProblem.Sources());

        var changed = TrainingProblem.Changed(model, before);
        changed.Should().Contain(name => IsBase(name) && name.EndsWith("running_mean", StringComparison.Ordinal));
        changed.Should().Contain("base_model.stages.0.blocks.0.conv.weight").And.NotContain("input_projections.image.conv.weight");
    }

    [Fact]
    public void A_parameter_that_its_author_froze_stays_frozen()
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Image(4, 4, 4)).Base(Bases.From("own", 4, () =>
        {
            var conv = nn.Conv2d(4, 4, kernel_size: 1L);
            conv.weight.requires_grad = false;
            return conv;
        })).Task("a", Heads.Classification(2)).Build(CPU);
        model.Freeze(Parts.All);
        model.Unfreeze(Parts.All);

        model.named_parameters().Where(pair => !pair.parameter.requires_grad).Select(pair => pair.name).Should().Equal("base_model.module.weight");
    }

    [Fact]
    public void Phases_train_what_they_name_and_nothing_else()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var changes = new List<IReadOnlyList<string>>();
        var before = TrainingProblem.Weights(model);
        var options = TrainingProblem.Options with
        {
            Phases =            [
                new(1, Parts.Heads(), Parts.Projections("table")),
                new(1, Parts.Heads("image"), Parts.LastBaseStages(1).At(0.1)),
                new(1, Parts.BaseStages("stages.0")) { LearningRate = 1e-2 },
                new(1),
            ],
        };

        new Trainer(model, options).Fit(TrainingProblem.Sources(), progress: new Now(step =>
        {
            if (step.EpochResult is null)
                return;
            changes.Add(TrainingProblem.Changed(model, before));
            before = TrainingProblem.Weights(model);
        }));

        changes[0].Should().BeEquivalentTo(
            "input_projections.table.linear.weight", "input_projections.table.linear.bias",
            "output_layers.image.layers.linear.weight", "output_layers.image.layers.linear.bias",
            "output_layers.table.layers.linear.weight", "output_layers.table.layers.linear.bias",
            "output_layers.table.target_mean", "output_layers.table.target_deviation");
        changes[1].Should().Contain("base_model.stages.1.blocks.0.norm.running_var").And.OnlyContain(name =>
            name.StartsWith("base_model.stages.1.", StringComparison.Ordinal) || name.StartsWith("output_layers.image.", StringComparison.Ordinal));
        changes[2].Should().Contain("base_model.stages.0.blocks.0.norm.running_var").And.OnlyContain(name => name.StartsWith("base_model.stages.0.", StringComparison.Ordinal));
        changes[3].Should().HaveCount(before.Count - 2, "the last phase trains all; the mean and deviation of labels stay");
        model.IsFrozen(Parts.Projections("image")).Should().BeFalse("what was not frozen before is not frozen afterwards");
    }

    [Fact]
    public void Rates_of_parts_and_layer_decay_multiply()
    {
        using var model = TrainingProblem.Build();

        var rates = PhaseParameters.Find(model, new(1, Parts.All, Parts.Heads("table").At(3)) { LayerDecay = 0.5 }).Trained
            .ToDictionary(trained => trained.Name, trained => trained.Rate);

        rates["output_layers.image.layers.linear.weight"].Should().Be(1);
        rates["output_layers.table.layers.linear.weight"].Should().Be(3);
        rates["base_model.stages.1.blocks.0.conv.weight"].Should().Be(0.5);
        rates["base_model.stages.0.blocks.0.norm.bias"].Should().Be(0.25);
        rates["input_projections.image.conv.weight"].Should().Be(0.125);
    }

    [Fact]
    public void A_part_at_a_tenth_of_the_rate_moves_a_tenth_as_far()
    {
        using var scope = NewDisposeScope();
        double Moved(double rate)
        {
            using var model = TrainingProblem.Build(Normalization.None);
            var before = TrainingProblem.Weights(model);
            var options = TrainingProblem.Options with
            {
                Phases = [new(1, Parts.All, Parts.Base.At(rate))], StepsPerEpoch = 1, Optimizer = Optimizers.Sgd(0), WeightDecay = 0, Schedule = LearningRateSchedule.Constant(),
            };
            new Trainer(model, options).Fit(TrainingProblem.Sources());
            return (model.state_dict()["base_model.stages.1.blocks.0.conv.weight"] - before["base_model.stages.1.blocks.0.conv.weight"]).norm().ToDouble();
        }

        (Moved(0.1) / Moved(1)).Should().BeApproximately(0.1, 1e-3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Features_that_are_reused_give_the_training_that_runs_the_base(bool attention)
    {
        using var scope = NewDisposeScope();
        MultiInputModel Build()
        {
            random.manual_seed(1);
            var model = MultiInputModel.Define().Input("a", Inputs.Image(2, 6, 6)).Input("b", Inputs.Image(2, 6, 6))
                .Base(Bases.ConvNet(4, 8) with { Normalization = Normalization.Batch })
                .Fusion(attention ? Fusions.Attention(2) : Fusions.Flatten())
                .Task("a", Heads.Classification(3)).Task("both", Heads.Regression(1), from: ["a", "b"], fusion: attention ? Fusions.Attention(2) : Fusions.Concat())
                .Build(CPU);
            model.Freeze(Parts.Base, Parts.Projections());
            return model;
        }

        var runs = 0;
        var source = new TensorSource(
            "s",
            new Dictionary<string, Tensor> { ["a"] = randn(50, 2, 6, 6), ["b"] = randn(50, 2, 6, 6) },
            new Dictionary<string, Tensor> { ["a"] = randint(3, [50]).to(ScalarType.Int64), ["both"] = randn(50, 1) }) { BatchSize = 16 };
        Dictionary<string, Tensor> Train(long cacheBytes)
        {
            using var model = Build();
            runs = 0;
            model.modules().OfType<TorchSharp.Modules.Conv2d>().Last().register_forward_hook((_, _, _) =>
            {
                runs++;
                return null!;
            });
            new Trainer(model, TrainingProblem.Options with { Epochs = 5, FeatureCacheBytes = cacheBytes }).Fit([source]);
            return TrainingProblem.Weights(model);
        }

        var expected = Train(0);
        runs.Should().BeGreaterThan(10);
        var reused = Train(1 << 20);
        runs.Should().Be(1, "one pass over both inputs together computes all");
        foreach (var (name, value) in reused)
            value.ShouldEqual(expected[name], 1e-4, name);
        Train(1000);
        runs.Should().BeGreaterThan(10, "features that take more than the limit are not kept");
    }
}

internal static class ModelRuns
{
    public static void Run(this MultiInputModel model, Tensor image) => model.forward(image, "image").sum().backward();
}
