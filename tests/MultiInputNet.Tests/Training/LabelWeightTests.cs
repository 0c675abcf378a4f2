using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Losses are means over labels, however the labels are spread over batches, sources and steps.</summary>
public sealed class LabelWeightTests
{
    private static MultiInputModel Build(params (string Task, HeadSpec Head)[] tasks)
    {
        random.manual_seed(3);
        var builder = MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(4, 6));
        foreach (var (task, head) in tasks)
            builder.Task(task, head, from: ["t"]);
        return builder.Build(CPU);
    }

    private static TensorSource Source(string name, Tensor samples, params (string Task, Tensor Labels)[] labels) => new(
        name, new Dictionary<string, Tensor> { ["t"] = samples }, labels.ToDictionary(pair => pair.Task, pair => pair.Labels));

    [Fact]
    public void An_evaluation_gives_the_loss_of_all_rows_as_one_batch()
    {
        using var scope = NewDisposeScope();
        using var model = Build(
            ("class", Heads.Classification(3)), ("tags", Heads.MultiLabel(3)), ("number", Heads.Regression(2)),
            ("own", Heads.From("own", features => new ThreeNumbers(features))));

        // More rows than an evaluation takes at once; in the first batches hardly any row has a label, and those are far off.
        const int Count = 1100;
        var samples = randn(Count, 4);
        var missing = (arange(Count) < 1020).logical_and(arange(Count) % 97 != 0);
        var classes = randint(3, [Count]).to(ScalarType.Int64).where(missing.logical_not(), full([Count], -1, ScalarType.Int64));
        Tensor Numbers(Tensor values) => values.where(missing.unsqueeze(1).logical_or(rand_like(values) < 0.3).logical_not(), full_like(values, float.NaN));
        var tags = Numbers((rand(Count, 3) > 0.5).to(ScalarType.Float32));
        var numbers = Numbers(randn(Count, 2) + (arange(Count) < 1020).to(ScalarType.Float32).unsqueeze(1) * 30);
        var own = Numbers(randn(Count, 3));
        var labels = new Dictionary<string, Tensor> { ["class"] = classes, ["tags"] = tags, ["number"] = numbers, ["own"] = own };
        TensorSource Part(int start, int count) =>
            Source($"{start}", samples.narrow(0, start, count), [.. labels.Select(pair => (pair.Key, pair.Value.narrow(0, start, count)))]);
        TensorSource[] sources = [Part(0, 700), Part(700, 400)];

        var result = new Trainer(model).Evaluate(sources);

        model.eval();
        using var noGrad = no_grad();
        foreach (var (task, target) in labels)
        {
            var loss = ((TaskHead)model.Head(task)).Loss(model.forward(samples, task), target).item<float>();
            result[task].Loss.Should().BeApproximately(loss, 1e-4 * loss, task);
        }

        result["class"].Count.Should().Be((classes >= 0).sum().item<long>());
        result["number"].Count.Should().Be(numbers.isnan().logical_not().any(1).sum().item<long>(), "samples count, not their numbers");
    }

    [Fact]
    public void Two_sources_of_one_task_step_as_one_source_of_their_samples()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(24, 4), randn(24, 1));
        Dictionary<string, Tensor> Train(int accumulated, params TensorSource[] sources)
        {
            using var model = Build(("number", Heads.Regression(1)), ("class", Heads.Classification(2) with { ClassWeights = [1, 5] }));
            new Trainer(model, new() { Epochs = 1, BatchSize = 24, AccumulatedBatches = accumulated, Optimizer = Optimizers.Sgd(0) }).Fit(sources);
            return TrainingProblem.Weights(model);
        }

        var classes = (arange(24) % 3 == 0).to(ScalarType.Int64);
        var whole = Train(1, Source("all", samples, ("number", labels), ("class", classes)));
        var two = Train(
            1,
            Source("few", samples[..5], ("number", labels[..5]), ("class", classes[..5])),
            Source("many", samples[5..], ("number", labels[5..]), ("class", classes[5..])));

        foreach (var (name, value) in whole)
            two[name].ShouldEqual(value, 1e-5, name);
    }

    [Fact]
    public void Accumulated_batches_count_by_their_labels()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(24, 4), randn(24, 1));
        labels[3..20] = float.NaN;
        Dictionary<string, Tensor> Train(int batchSize, int accumulated)
        {
            using var model = Build(("number", Heads.Regression(1)));
            new Trainer(model, new() { Epochs = 1, BatchSize = batchSize, AccumulatedBatches = accumulated, Optimizer = Optimizers.Sgd(0) })
                .Fit([Source("s", samples, ("number", labels))]);
            return TrainingProblem.Weights(model);
        }

        var whole = Train(24, 1);
        foreach (var (name, value) in Train(4, 6))
            value.ShouldEqual(whole[name], 1e-5, name);
    }

    [Fact]
    public void A_task_of_two_sources_has_one_size_of_loss_in_every_sampling()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(16, 4), randn(16, 1));
        TensorSource[] sources = [Source("a", samples, ("number", labels)), Source("b", samples, ("number", labels))];
        SourceSampling[] samplings = [SourceSampling.All, SourceSampling.RoundRobin, SourceSampling.Proportional, SourceSampling.Temperature(0.5)];
        var runs = samplings.Select(sampling =>
        {
            using var model = Build(("number", Heads.Regression(1)));
            TrainingProgress? first = null;
            var history = new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 2, BatchSize = 16, Sampling = sampling, Optimizer = Optimizers.Sgd(0), GradientClip = double.PositiveInfinity })
                .Fit(sources, progress: new Now(step => first ??= step));
            return (Loss: first!.Losses["number"], Mean: history.Epochs[0].Losses["number"], Weights: TrainingProblem.Weights(model));
        }).ToArray();

        foreach (var run in runs.Skip(1))
        {
            run.Loss.Should().BeApproximately(runs[0].Loss, 1e-5);
            run.Mean.Should().BeApproximately(runs[0].Mean, 1e-5);
            foreach (var (name, value) in run.Weights)
                value.ShouldEqual(runs[0].Weights[name], 1e-5, name);
        }
    }

    [Fact]
    public void The_loss_of_an_epoch_is_the_mean_over_its_labels()
    {
        using var scope = NewDisposeScope();
        var (samples, labels) = (randn(64, 4), randn(64, 1));
        labels[..60] = float.NaN;
        using var model = Build(("number", Heads.Regression(1) with { StandardizesTargets = false }));
        model.Freeze(Parts.Base, Parts.Projections());
        var before = new Trainer(model).Evaluate([Source("s", samples, ("number", labels))])["number"];

        var history = new Trainer(model, new() { Epochs = 1, BatchSize = 4, LearningRate = 0 }).Fit([Source("s", samples, ("number", labels))]);

        history.Epochs[0].Losses["number"].Should().BeApproximately(before.Loss, 1e-5);
        before.Count.Should().Be(4);
    }

    /// <summary>A user's head: the absolute error over the numbers that are there.</summary>
    private sealed class ThreeNumbers : TaskHead
    {
        private readonly nn.Module<Tensor, Tensor> linear;

        public ThreeNumbers(int features)
            : base(nameof(ThreeNumbers), 3)
        {
            linear = nn.Linear(features, 3);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => linear.call(input);

        public override Tensor Loss(Tensor output, Tensor target)
        {
            var present = target.isnan().logical_not();
            return (output - target.nan_to_num(0)).abs().where(present, zeros_like(output)).sum() / present.sum().clamp_min(1);
        }

        public override Tensor Predict(Tensor output) => output;

        public override TaskMetrics CreateMetrics() => new RegressionMetrics(3);

        public override void CheckTarget(Tensor target)
        {
        }
    }
}
