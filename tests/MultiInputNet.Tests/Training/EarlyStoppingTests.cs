using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Which epoch early stopping takes for the best.</summary>
public sealed class EarlyStoppingTests
{
    private static MultiInputModel Build()
    {
        random.manual_seed(5);
        return MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(6, 8))
            .Task("class", Heads.Classification(2), from: ["t"])
            .Task("tags", Heads.MultiLabel(2), from: ["t"])
            .Task("number", Heads.Regression(1), from: ["t"]).Build(CPU);
    }

    private static TensorSource Source(int seed, double unit = 1, string missing = "")
    {
        random.manual_seed(seed);
        var x = randn(80, 4);
        var labels = new Dictionary<string, Tensor>
        {
            ["class"] = (x.narrow(1, 0, 1).squeeze(1) > 0).to(ScalarType.Int64),
            ["tags"] = (x.narrow(1, 1, 2) > 0).to(ScalarType.Float32),
            ["number"] = x.narrow(1, 3, 1) * unit,
        };
        if (missing == "no yes")
            labels["tags"] = zeros_like(labels["tags"]);
        else if (missing.Length > 0)
            labels[missing] = missing == "class" ? full_like(labels[missing], -1) : full_like(labels[missing], float.NaN);
        return new("t", new Dictionary<string, Tensor> { ["t"] = x }, labels);
    }

    private static TrainerOptions Options => new() { Epochs = 12, BatchSize = 16, LearningRate = 0.01, EarlyStopping = new() { Patience = 12 } };

    [Theory]
    [InlineData("class")]
    [InlineData("tags")]
    [InlineData("number")]
    [InlineData("no yes")]
    public void A_task_without_a_value_is_left_out(string missing)
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        var validation = Source(2, missing: missing);

        var history = new Trainer(model, Options).Fit([Source(1)], [validation]);

        // What is best is computed anew, from the metrics of the tasks that have labels.
        var values = history.Epochs.Select(epoch => epoch.Validation
            .Where(pair => pair.Key != missing && (missing != "no yes" || pair.Key != "tags"))
            .Average(pair => pair.Value.Metrics[pair.Key switch { "class" => "accuracy", "tags" => "micro_f1", _ => "r2" }])).ToList();
        history.BestEpoch.Should().Be(values.IndexOf(values.Max()) + 1).And.BeGreaterThan(1);
        var after = new Trainer(model).Evaluate([validation]);
        after.Values.Average(result => double.IsNaN(result.Score) ? 0 : result.Score).Should()
            .Be(history.Epochs[history.BestEpoch!.Value - 1].Validation.Values.Average(result => double.IsNaN(result.Score) ? 0 : result.Score), "the model has the best epoch's weights");
    }

    [Fact]
    public void The_unit_of_a_target_does_not_choose_the_epoch()
    {
        using var scope = NewDisposeScope();
        (int? Best, double[] Scores) Train(double unit)
        {
            using var model = Build();

            // The head of the number gives its values as it did in the other unit.
            model.Freeze(Parts.Heads("number"));
            using (no_grad())
            {
                foreach (var parameter in model.Head("number").parameters())
                    parameter.mul_(unit);
            }

            var history = new Trainer(model, Options with { Balancing = LossBalancing.Fixed(new Dictionary<string, double> { ["number"] = 1 / (unit * unit) }) })
                .Fit([Source(1, unit)], [Source(2, unit)]);
            return (history.BestEpoch, [.. history.Epochs.Select(epoch => epoch.Validation["number"].Score)]);
        }

        var (plain, thousands) = (Train(1), Train(1024));

        thousands.Scores.Zip(plain.Scores).Should().OnlyContain(pair => Math.Abs(pair.First - pair.Second) < 1e-3);
        thousands.Best.Should().Be(plain.Best);
    }

    [Fact]
    public void A_validation_without_any_value_is_refused_by_the_names_of_its_tasks()
    {
        using var scope = NewDisposeScope();
        using var model = Build();
        void Fit(EarlyStopping stopping, TensorSource validation) => new Trainer(model, Options with { EarlyStopping = stopping }).Fit([Source(1)], [validation]);

        FluentActions.Invoking(() => Fit(new() { Task = "number" }, Source(2, missing: "number"))).Should().Throw<MultiInputException>()
            .WithMessage("Training, training: early stopping watches task 'number', but no validation source has labels for it. Give validation sources with labels.");
        FluentActions.Invoking(() => Fit(new() { Task = "number" }, Source(2, unit: 0))).Should().Throw<MultiInputException>()
            .WithMessage("*early stopping has nothing to compare: in the validation set, no value of task 'number' is finite. Validate on samples whose labels vary*");
        FluentActions.Invoking(() => Fit(new() { Task = "tags" }, Source(2, missing: "no yes"))).Should().Throw<MultiInputException>()
            .WithMessage("*no value of task 'tags' is finite*");
    }

    [Fact]
    public void An_epoch_whose_value_is_infinite_or_not_there_is_not_the_best()
    {
        using var scope = NewDisposeScope();
        var values = new Queue<double>([0.3, double.PositiveInfinity, double.NaN, 0.5, double.NegativeInfinity, 0.4]);
        using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(6, 8))
            .Task("number", Heads.From("scripted", features => new Scripted(features, values)), from: ["t"]).Build(CPU);
        var x = randn(20, 4);
        TensorSource[] sources = [new("t", new Dictionary<string, Tensor> { ["t"] = x }, new Dictionary<string, Tensor> { ["number"] = x.narrow(1, 0, 1) })];

        new Trainer(model, new() { Epochs = 6, EarlyStopping = new() { Patience = 6 } }).Fit(sources, sources).BestEpoch.Should().Be(4);
    }

    private sealed class Scripted : TaskHead
    {
        private readonly RegressionHead head;
        private readonly Queue<double> values;

        public Scripted(int features, Queue<double> values)
            : base(nameof(Scripted), 1)
        {
            (head, this.values) = (new(features, 1), values);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => head.call(input);

        public override Tensor Loss(Tensor output, Tensor target) => head.Loss(output, target);

        public override Tensor Predict(Tensor output) => head.Predict(output);

        public override TaskMetrics CreateMetrics() => new Metrics(values);

        public override void CheckTarget(Tensor target) => head.CheckTarget(target);

        private sealed class Metrics(Queue<double> values) : TaskMetrics
        {
            private readonly double value = values.Dequeue();

            public override string Primary => "scripted";

            public override void Update(Tensor output, Tensor target)
            {
            }

            public override IReadOnlyDictionary<string, double> Compute() => new Dictionary<string, double> { ["scripted"] = value };
        }
    }
}
