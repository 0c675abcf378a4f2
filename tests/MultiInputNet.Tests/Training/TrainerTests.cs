using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

public sealed class TrainerTests
{
    [Fact]
    public void Training_learns_what_the_labels_follow_from()
    {
        using var model = TrainingProblem.Build(Normalization.Group);
        var trainer = new Trainer(model, TrainingProblem.Options with { Epochs = 60, LearningRate = 1e-2 });
        var before = trainer.Evaluate(TrainingProblem.Sources());

        trainer.Fit(TrainingProblem.Sources());

        model.training.Should().BeFalse();
        var after = trainer.Evaluate(TrainingProblem.Sources());
        after["image"].PrimaryValue.Should().BeGreaterThan(0.8).And.BeGreaterThan(before["image"].PrimaryValue);
        after["table"].PrimaryValue.Should().BeLessThan(0.5).And.BeLessThan(before["table"].PrimaryValue, "lower errors are better");
    }

    [Fact]
    public void The_same_seed_gives_the_same_weights_to_the_bit_and_another_seed_does_not()
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> Train(long seed)
        {
            using var model = TrainingProblem.Build();
            random.manual_seed(Environment.TickCount64);
            new Trainer(model, TrainingProblem.Options with { Seed = seed }).Fit(TrainingProblem.Sources());
            return TrainingProblem.Weights(model);
        }

        var (first, second, other) = (Train(5), Train(5), Train(6));

        foreach (var (name, value) in first)
            value.ShouldBeSame(second[name], name);
        other.Should().Contain(pair => pair.Key.EndsWith("weight", StringComparison.Ordinal) && !pair.Value.eq(first[pair.Key]).all().ToBoolean());
    }

    [Fact]
    public void A_step_is_the_step_of_a_loop_by_hand()
    {
        using var scope = NewDisposeScope();
        var samples = randn(8, 5);
        var labels = randn(8, 1);
        MultiInputModel Build()
        {
            random.manual_seed(2);
            return MultiInputModel.Define().Input("t", Inputs.Tabular(5)).Base(Bases.ConvNet(4, 6))
                .Task("t", Heads.Regression(1) with { StandardizesTargets = false }).Build(CPU);
        }

        using var model = Build();
        new Trainer(model, new() { Epochs = 4, BatchSize = 8, LearningRate = 0.01, Schedule = LearningRateSchedule.WarmupCosine(0.5), GradientClip = 0.7, WeightDecay = 0.1 })
            .Fit([new TensorSource("t", samples, labels)]);

        using var expected = Build();
        using var optimizer = optim.AdamW(
        [
            new TorchSharp.Modules.AdamW.ParamGroup(expected.parameters().Where(p => p.dim() > 1), weight_decay: 0.1),
            new TorchSharp.Modules.AdamW.ParamGroup(expected.parameters().Where(p => p.dim() == 1), weight_decay: 0),
        ]);
        foreach (var rate in new[] { 0.005, 0.01, 0.01, 0.005 })
        {
            expected.zero_grad();
            (expected.forward(samples, "t") - labels).square().mean().backward();
            nn.utils.clip_grad_norm_(expected.parameters(), 0.7);
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = rate;
            optimizer.step();
        }

        foreach (var (name, value) in model.state_dict())
            value.ShouldEqual(expected.state_dict()[name], 1e-5, name);
    }

    [Fact]
    public void Accumulated_batches_are_one_batch_of_their_size()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(24, 5), randn(24, 1));
        Dictionary<string, Tensor> Train(int batchSize, int accumulated)
        {
            random.manual_seed(2);
            using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(5)).Base(Bases.ConvNet(4, 6)).Task("t", Heads.Regression(1)).Build(CPU);
            new Trainer(model, new() { Epochs = 1, BatchSize = batchSize, AccumulatedBatches = accumulated, Optimizer = Optimizers.Sgd(0) })
                .Fit([new TensorSource("t", samples, labels)]);
            return TrainingProblem.Weights(model);
        }

        var whole = Train(24, 1);
        foreach (var (name, value) in Train(8, 3))
            value.ShouldEqual(whole[name], 1e-5, name);
    }

    [Fact]
    public void Momentum_descent_equals_its_formula()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(8, 3), randn(8, 1));
        using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(3)).Base(Bases.From("none", 2, () => nn.Identity()))
            .Task("t", Heads.Regression(1) with { StandardizesTargets = false }).Build(CPU);
        model.Freeze(Parts.Projections());
        using var noGrad = no_grad();
        var weights = TrainingProblem.Weights(model);
        var x = samples.mm(weights["input_projections.t.linear.weight"].t()) + weights["input_projections.t.linear.bias"];
        var (w, b) = (weights["output_layers.t.layers.linear.weight"], weights["output_layers.t.layers.linear.bias"]);
        var (mw, mb) = (zeros_like(w), zeros_like(b));
        foreach (var rate in new[] { 1, 0.75, 0.25 }) // half a cosine over three steps
        {
            var error = 2 * (x.mm(w.t()) + b - labels) / 8;
            mw = 0.8 * mw + error.t().mm(x) + 0.1 * w;
            mb = 0.8 * mb + error.sum(dim: 0);
            w -= 0.01 * rate * mw;
            b -= 0.01 * rate * mb;
        }

        using (enable_grad())
        {
            new Trainer(model, new()
            {
                Epochs = 3, BatchSize = 8, LearningRate = 0.01, Schedule = LearningRateSchedule.WarmupCosine(0), WeightDecay = 0.1, GradientClip = double.PositiveInfinity,
                Optimizer = Optimizers.Sgd(0.8),
            }).Fit([new TensorSource("t", samples, labels)]);
        }

        model.state_dict()["output_layers.t.layers.linear.weight"].ShouldEqual(w, 1e-5);
        model.state_dict()["output_layers.t.layers.linear.bias"].ShouldEqual(b, 1e-5);
    }

    [Fact]
    public void Missing_labels_of_one_task_leave_the_other_task_alone()
    {
        using var scope = NewDisposeScope();
        var x = randn(40, 5);
        var y = randn(40, 1);
        MultiInputModel Build()
        {
            random.manual_seed(4);
            return MultiInputModel.Define().Input("t", Inputs.Tabular(5)).Base(Bases.ConvNet(4, 6))
                .Task("number", Heads.Regression(1), from: ["t"]).Task("class", Heads.Classification(2), from: ["t"]).Build(CPU);
        }

        TensorSource Source(Tensor classes) => new(
            "t", new Dictionary<string, Tensor> { ["t"] = x }, new Dictionary<string, Tensor> { ["number"] = y, ["class"] = classes });
        // Of the five batches of a pass the first four are trained on; the class is known in the last one.
        var some = full([40], -1, ScalarType.Int64);
        some[new BatchOrder(0, "t", 40, 8).At(4)[0]] = 1;
        var options = new TrainerOptions { Epochs = 1, StepsPerEpoch = 4, BatchSize = 8 };
        using var model = Build();
        var history = new Trainer(model, options).Fit([Source(some)]);
        using var alone = Build();
        new Trainer(alone, options)
            .Fit([new TensorSource("t", new Dictionary<string, Tensor> { ["t"] = x }, new Dictionary<string, Tensor> { ["number"] = y })]);

        history.Epochs[^1].Losses.Keys.Should().Equal("number");
        model.ShouldHave(TrainingProblem.Weights(alone));

        var losses = new Trainer(model, new() { Epochs = 1, BatchSize = 8 }).Fit([Source(some)]).Epochs[0].Losses;
        losses["class"].Should().BePositive().And.BeLessThan(10, "it is the mean over the one step that had a label");
    }

    [Fact]
    public void A_loss_that_is_not_finite_stops_the_training_and_names_step_task_source_and_input()
    {
        using var scope = NewDisposeScope();
        var sources = TrainingProblem.Sources();
        sources[1].Inputs["table"][5, 2] = float.NaN;
        using var model = TrainingProblem.Build();
        var before = new Dictionary<string, Tensor>();
        var keep = new Now(_ => before = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone().DetachFromDisposeScope()));

        FluentActions.Invoking(() => new Trainer(model, TrainingProblem.Options).Fit(sources, progress: keep)).Should().Throw<MultiInputException>()
            .WithMessage("Task 'table', training: its loss is NaN at step *, on source 'table' with values that are not finite in input 'table'. Look for NaN*The weights are those of the step before.");
        before.Should().NotBeEmpty();
        foreach (var (name, value) in model.state_dict())
            value.ShouldBeSame(before[name], name);
    }

    [Fact]
    public void Progress_and_history_say_what_was_done()
    {
        using var model = TrainingProblem.Build();
        var seen = new List<TrainingProgress>();

        var history = new Trainer(model, TrainingProblem.Options).Fit(TrainingProblem.Sources(), TrainingProblem.Sources(), new Now(seen.Add));

        // 60 images in batches of 16 make 3 steps of an epoch, 120 rows in batches of 24 make 5.
        seen.Select(step => step.Step).Should().Equal(Enumerable.Range(1, 15).Select(step => (long)step));
        seen[^1].EpochsSeen["image"].Should().Be(15 * 16 / 60.0);
        seen[^1].EpochsSeen["table"].Should().Be(3);
        seen[4].EpochResult.Should().BeSameAs(history.Epochs[0]);
        seen[4].Metrics.Keys.Should().BeEquivalentTo("image", "table");
        seen.Select(step => step.Remaining).Should().OnlyContain(time => time >= TimeSpan.Zero);
        history.Epochs[1].Losses["image"].Should().BeApproximately(seen[5..10].Average(step => step.Losses["image"]), 1e-9);
        history.Epochs[2].Validation["image"].Metrics.Keys.Should().Contain("accuracy");

        var path = Path.GetTempFileName();
        history.SaveCsv(path);
        var lines = File.ReadAllLines(path);
        File.Delete(path);
        lines[0].Should().StartWith("epoch,phase,step,learning_rate,loss.image,loss.table,epochs.image,epochs.table,validation.image.loss,validation.image.accuracy");
        lines.Should().HaveCount(4);
        lines[3].Should().StartWith("3,1,15,");
    }

    [Fact]
    public void Event_files_are_written_for_TensorBoard()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            using var model = TrainingProblem.Build();
            new Trainer(model, TrainingProblem.Options with { TensorBoardFolder = folder.FullName }).Fit(TrainingProblem.Sources(), TrainingProblem.Sources());

            // A record is a length, its check sum, the event, and the event's check sum.
            var bytes = File.ReadAllBytes(folder.GetFiles("events.out.tfevents.*").Should().ContainSingle().Which.FullName);
            var events = 0;
            for (var at = 0; at < bytes.Length; events++)
                at += (int)BitConverter.ToInt64(bytes, at) + 16;
            System.Text.Encoding.Latin1.GetString(bytes).Should().ContainAll("training/image/loss", "validation/table/rmse", "learning_rate");
            events.Should().BeGreaterThan(15 * 3);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Cancelling_ends_the_training_behind_the_step()
    {
        using var model = TrainingProblem.Build();
        using var cancellation = new CancellationTokenSource();
        var steps = 0;

        FluentActions.Invoking(() => new Trainer(model, TrainingProblem.Options).Fit(
                TrainingProblem.Sources(), progress: new Now(step => { if (++steps == 4) cancellation.Cancel(); }), cancellationToken: cancellation.Token))
            .Should().Throw<OperationCanceledException>().WithMessage("The training was stopped after step 4 of 15.*");
        steps.Should().Be(4);
        model.training.Should().BeFalse();
    }

    [Fact]
    public void Early_stopping_keeps_the_best_weights_of_the_chosen_task()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build(Normalization.Group);
        var weights = new List<Dictionary<string, Tensor>>();
        var sources = TrainingProblem.Sources();
        var trainer = new Trainer(model, TrainingProblem.Options with { Epochs = 40, LearningRate = 0.02, EarlyStopping = new() { Task = "table", Patience = 3 } });

        var history = trainer.Fit(sources[..], [.. TrainingProblem.Sources(30)], new Now(step =>
        {
            if (step.EpochResult is not null)
                weights.Add(TrainingProblem.Weights(model));
        }));

        var values = history.Epochs.Select(epoch => epoch.Validation["table"].PrimaryValue).ToList();
        history.BestEpoch.Should().Be(values.IndexOf(values.Min()) + 1);
        values.Count.Should().BeLessThan(40).And.Be(history.BestEpoch + 3);
        trainer.Evaluate(TrainingProblem.Sources(30))["table"].PrimaryValue.Should().Be(values.Min());
    }

    [Fact]
    public void What_a_training_cannot_do_is_refused_before_it_begins()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var sources = TrainingProblem.Sources();
        var trainer = new Trainer(model);

        trainer.Invoking(t => t.Fit([])).Should().Throw<MultiInputException>().WithMessage("Training, training: there is no source. Give at least one.");
        trainer.Invoking(t => t.Fit([sources[0], sources[0]])).Should().Throw<MultiInputException>().WithMessage("Source 'image', training: there are several with this name.*");
        trainer.Invoking(t => t.Fit([new TensorSource("s", new Dictionary<string, Tensor> { ["table"] = randn(2, 5) }, new Dictionary<string, Tensor> { ["image"] = zeros(2, dtype: ScalarType.Int64) })]))
            .Should().Throw<MultiInputException>().WithMessage("Source 's', training: it has labels for task 'image' but the inputs 'table'. The task reads 'image'*");
        trainer.Invoking(t => t.Fit([new TensorSource("table", randn(2, 5), randn(2, 3))])).Should().Throw<MultiInputException>().WithMessage("Labels, target: *(batch, 1)*");
        trainer.Invoking(t => t.Resume(sources)).Should().Throw<InvalidOperationException>().WithMessage("*name a folder in TrainerOptions.Checkpoints*");
        new Trainer(model, new() { EarlyStopping = new() }).Invoking(t => t.Fit(sources)).Should().Throw<MultiInputException>().WithMessage("*early stopping watches the validation*");
        new Trainer(model, new() { Phases = [new(1, Parts.Heads("z"))] }).Invoking(t => t.Fit(sources)).Should().Throw<MultiInputException>()
            .WithMessage("Task 'z', training: the model has no such task. Name one of 'image', 'table'.");
        using var words = MultiInputModel.Define().Input("w", Inputs.Tokens(9, 4)).Base(Bases.ConvNet(4)).Task("w", Heads.Classification(2)).Build(CPU);
        new Trainer(words, new() { MixupAlpha = 0.2 }).Invoking(t => t.Fit([new TensorSource("w", zeros(2, 4, dtype: ScalarType.Int64), zeros(2, dtype: ScalarType.Int64))]))
            .Should().Throw<MultiInputException>().WithMessage("Input 'w', training: mixup mixes numbers, and it has tokens or categories. Omit MixupAlpha.");
        model.Freeze(Parts.All);
        trainer.Invoking(t => t.Fit(sources)).Should().Throw<MultiInputException>().WithMessage("Training, training: everything is frozen.*");

        FluentActions.Invoking(() => new TrainerOptions { Epochs = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("Epochs is 0; give at least 1.*");
        FluentActions.Invoking(() => new TrainerOptions { LearningRate = double.NaN }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("LearningRate is NaN; give a number from 0 to 100.*");
        FluentActions.Invoking(() => new TrainingPhase(0)).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => Parts.Base.At(-1)).Should().Throw<ArgumentOutOfRangeException>().WithMessage("The rate of Base is -1; give a finite number from 0.*");
        FluentActions.Invoking(() => new TensorSource("a", randn(3, 5), randn(2, 1))).Should().Throw<ArgumentException>().WithMessage("Source 'a': 'a' has shape (3, 5), but there should be 2 samples*");
    }

    [Fact]
    public void Steps_and_evaluations_leave_no_tensor_behind()
    {
        using var model = TrainingProblem.Build();
        var sources = TrainingProblem.Sources();
        void Train() => new Trainer(model, TrainingProblem.Options with { EarlyStopping = new() }).Fit(sources, sources);
        Train();
        var counts = Enumerable.Range(0, 3).Select(_ =>
        {
            Train();
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Tensor.TotalCount;
        }).ToArray();

        counts.Should().OnlyContain(count => count == counts[0]);
    }

    [Fact]
    public void Every_way_of_balancing_and_sampling_trains_a_model()
    {
        LossBalancing[] balancings =
        [
            LossBalancing.Fixed(new Dictionary<string, double> { ["image"] = 2, ["table"] = 0.5 }), LossBalancing.Uncertainty(),
            LossBalancing.DynamicWeightAverage(2), LossBalancing.GradNorm(), LossBalancing.PCGrad(), LossBalancing.CAGrad(),
        ];
        SourceSampling[] samplings = [SourceSampling.RoundRobin, SourceSampling.Proportional, SourceSampling.Temperature(0.5), SourceSampling.All];
        foreach (var (i, balancing) in balancings.Index())
        {
            using var model = TrainingProblem.Build(Normalization.Group);
            var trainer = new Trainer(model, TrainingProblem.Options with
            {
                Epochs = 15, LearningRate = 1e-2, Balancing = balancing, Sampling = samplings[i % samplings.Length], WeightAverageDecay = 0.9,
            });
            var before = trainer.Evaluate(TrainingProblem.Sources());
            trainer.Fit(TrainingProblem.Sources());
            var after = trainer.Evaluate(TrainingProblem.Sources());
            after["table"].PrimaryValue.Should().BeLessThan(0.8 * before["table"].PrimaryValue, $"{balancing}");
            after["image"].Loss.Should().BeLessThan(before["image"].Loss, $"{balancing}");
        }
    }

    [Fact]
    public void Evaluations_use_the_average_of_the_weights_and_the_model_keeps_it()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var trainer = new Trainer(model, TrainingProblem.Options with { WeightAverageDecay = 0.9, Epochs = 2 });
        var (sources, during) = (TrainingProblem.Sources(), new List<Dictionary<string, Tensor>>());

        var history = trainer.Fit(sources, sources, new Now(_ => during.Add(TrainingProblem.Weights(model))));

        // The decay of update n is min(0.9, (1 + n) / (10 + n)).
        const string Name = "base_model.stages.0.blocks.0.conv.weight";
        random.manual_seed(1);
        using var start = TrainingProblem.Build();
        var expected = start.state_dict()[Name].detach().clone();
        foreach (var (n, weights) in during.Index())
        {
            var decay = Math.Min(0.9, (1.0 + n) / (10.0 + n));
            expected = decay * expected + (1 - decay) * weights[Name];
        }

        model.state_dict()[Name].ShouldEqual(expected, 1e-5);
        trainer.Evaluate(sources)["table"].Should().BeEquivalentTo(history.Epochs[^1].Validation["table"], its => its.Excluding(result => result.Outputs));
    }
}
