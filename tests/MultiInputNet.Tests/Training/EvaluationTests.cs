using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>An evaluation runs in batches of its own size, reads files ahead, and its results do not depend on either.</summary>
public sealed class EvaluationTests
{
    public static TheoryData<int?> BatchSizes { get; } = [null, 1, 7, 29, 512];

    [Theory]
    [MemberData(nameof(BatchSizes))]
    public void Results_are_those_of_one_forward_pass_over_all_samples(int? batchSize)
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var sources = TrainingProblem.Sources(count: 30);
        new Trainer(model, TrainingProblem.Options).Fit(sources);
        sources[0].Targets["image"][3] = -1;

        var results = new Trainer(model, new() { EvaluationBatchSize = batchSize }).Evaluate(sources);

        using var noGrad = no_grad();
        var (classes, labels) = (model.forward(sources[0].Inputs["image"], "image"), sources[0].Targets["image"]);
        var labelled = labels >= 0;
        var right = classes.argmax(1).eq(labels).logical_and(labelled).sum().item<long>();
        results["image"].Count.Should().Be(29);
        results["image"].Metrics["accuracy"].Should().Be(right / 29.0, "it is a quotient of counts");
        results["image"].Loss.Should().BeApproximately(nn.functional.cross_entropy(classes, labels, ignore_index: -1).item<float>(), 1e-5);
        var errors = model.forward(sources[1].Inputs["table"], "table") - sources[1].Targets["table"];
        results["table"].Count.Should().Be(60);
        results["table"].Metrics["rmse"].Should().BeApproximately(errors.square().mean().sqrt().item<float>(), 1e-5);
    }

    [Fact]
    public void Samples_go_through_the_model_in_order_and_in_batches_of_the_given_size()
    {
        using var scope = NewDisposeScope();
        using var model = Build(8);
        var batches = RecordBatches(model);

        new Trainer(model, new() { EvaluationBatchSize = 7 }).Evaluate([new Files(20, 8)]);

        batches.Should().Equal(7, 7, 6);
        new Action(() => _ = new TrainerOptions { EvaluationBatchSize = 0 }).Should().Throw<ArgumentOutOfRangeException>().WithMessage("*EvaluationBatchSize is 0; give at least 1*");
    }

    /// <summary>16 channels of 256×256 in single precision are 4 MiB.</summary>
    [Fact]
    public void By_default_the_largest_map_of_a_batch_takes_at_most_64_MiB()
    {
        using var scope = NewDisposeScope();
        using var model = Build(256);
        var batches = RecordBatches(model);
        var source = new Files(20, 256);

        new Trainer(model).Evaluate([source]);
        batches.Should().Equal(16, 4);
        batches.Clear();
        new Trainer(model, new() { EvaluationBatchSize = 20 }).Evaluate([source]);
        batches.Should().Equal([20], "the user's number counts");
        batches.Clear();

        // What is kept of frozen parts, 64 samples at a time otherwise.
        model.Freeze(Parts.Base, Parts.Projections());
        new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 1, BatchSize = 2 }).Fit([source]);
        batches.Should().Equal(16, 4);
        batches.Clear();

        model.to(ScalarType.Float64);
        new Trainer(model).Evaluate([source]);
        batches.Should().Equal(8, 8, 4);
    }

    [Fact]
    public void By_default_small_samples_go_through_512_at_a_time()
    {
        using var scope = NewDisposeScope();
        using var model = Build(8);
        var batches = RecordBatches(model);

        new Trainer(model).Evaluate([new Files(600, 8)]);

        batches.Should().Equal(512, 88);
    }

    [Fact]
    public void Statistics_of_large_samples_are_taken_few_at_a_time()
    {
        using var scope = NewDisposeScope();
        var source = new Files(20, 1024);

        var input = Inputs.Image(1, 1024, 1024).StandardizedBy(source);

        source.LargestRead.Should().Be(16, "a sample takes 4 MiB");
        input.Mean!.Single().Should().BeApproximately(Enumerable.Range(0, 20).Average(Files.ValueOf), 1e-6);
    }

    [Fact]
    public void Files_are_read_ahead_on_other_threads()
    {
        using var scope = NewDisposeScope();
        using var model = Build(8);
        var source = new Files(20, 8);
        var ahead = new List<int>();
        model.Head("x").register_forward_pre_hook((_, _) =>
        {
            // The batch that is run was the last one due; others are read meanwhile.
            SpinWait.SpinUntil(() => source.BatchesRead > ahead.Count + 1, 2000);
            ahead.Add(source.BatchesRead - ahead.Count - 1);
            return null!;
        });

        new Trainer(model, new() { EvaluationBatchSize = 2 }).Evaluate([source]);

        source.Threads.Should().NotContain(Environment.CurrentManagedThreadId);
        ahead.SkipLast(1).Should().OnlyContain(count => count >= 1 && count <= 4);
    }

    [Fact]
    public void It_can_be_cancelled_between_two_batches()
    {
        using var scope = NewDisposeScope();
        using var model = Build(8);
        model.train();
        using var stop = new CancellationTokenSource();
        var runs = 0;
        model.Head("x").register_forward_pre_hook((_, _) =>
        {
            if (++runs == 3)
                stop.Cancel();
            return null!;
        });

        new Trainer(model, new() { EvaluationBatchSize = 2 }).Invoking(trainer => trainer.Evaluate([new Files(40, 8)], cancellationToken: stop.Token)).Should().Throw<OperationCanceledException>();

        runs.Should().Be(3);
        model.training.Should().BeTrue();
    }

    [Fact]
    public void A_training_goes_on_with_another_batch_size_of_evaluations()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var options = TrainingProblem.Options with { Epochs = 2, Checkpoints = new(folder["run"]) };
        var sources = TrainingProblem.Sources();
        using var whole = TrainingProblem.Build();
        using var stop = new CancellationTokenSource();
        new Trainer(whole, options).Invoking(trainer => trainer.Fit(sources, sources, new Now(step => (step.EpochResult is null ? () => { } : (Action)stop.Cancel)()), stop.Token))
            .Should().Throw<OperationCanceledException>();

        var history = new Trainer(whole, options with { EvaluationBatchSize = 5 }).Resume(sources, sources);

        history.Epochs.Should().HaveCount(2);
    }

    private static MultiInputModel Build(int size) => MultiInputModel.Define()
        .Input("x", Inputs.Image(1, size, size)).Base(Bases.ConvNet(1, 16) with { Normalization = Normalization.None })
        .Task("x", Heads.Classification(2), fusion: Fusions.GlobalAverage()).Build(CPU);

    /// <summary>The numbers of samples that go through the base.</summary>
    private static List<long> RecordBatches(MultiInputModel model)
    {
        var batches = new List<long>();
        model.modules().OfType<TorchSharp.Modules.Conv2d>().Last().register_forward_hook((_, _, output) =>
        {
            batches.Add(output.shape[0]);
            return null!;
        });
        return batches;
    }

    /// <summary>Samples that are not in memory: each is of one value.</summary>
    private sealed class Files(int count, int size)
        : DataSource("x", ["x"], new Dictionary<string, Tensor> { ["x"] = arange(count).remainder(2).to(ScalarType.Int64) })
    {
        private readonly Lock gate = new();

        public List<int> Threads { get; } = [];

        public int BatchesRead { get; private set; }

        public int LargestRead { get; private set; }

        public static double ValueOf(int row) => row % 7 / 7.0;

        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            using var scope = NewDisposeScope();
            var values = tensor(rows.Select(row => (float)ValueOf((int)row)).ToArray()).view(-1, 1, 1, 1);
            var samples = values.expand(rows.Count, 1, size, size).contiguous();
            lock (gate)
            {
                Threads.Add(Environment.CurrentManagedThreadId);
                LargestRead = Math.Max(LargestRead, rows.Count);
                BatchesRead++;
            }

            return new(rows, new Dictionary<string, Tensor> { ["x"] = samples.MoveToOuterDisposeScope() });
        }
    }
}
