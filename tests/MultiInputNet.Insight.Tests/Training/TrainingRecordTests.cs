using MultiInputNet.Data;
using MultiInputNet.Insights.Tests.Sharing;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Training;

/// <summary>Recording a training.</summary>
public sealed class TrainingRecordTests : IDisposable
{
    private static readonly TrainerOptions Options = new()
    {
        Phases = [new(2, Parts.All), new(1, Parts.Heads())], LearningRate = 3e-3, Seed = 5, WeightAverageDecay = 0.9, AccumulatedBatches = 2,
    };

    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void A_training_ends_with_the_same_weights_to_the_bit()
    {
        var sources = SharingProblem.Sources();
        using var plain = SharingProblem.Build();
        using var recorded = SharingProblem.Build();
        random.manual_seed(1);
        new Trainer(plain, Options).Fit(sources, sources);
        random.manual_seed(1);
        var (told, threads) = (new List<long>(), new HashSet<int>());
        var record = new TrainingRecord(recorded, sources, Options, new Doing<TrainingProgress>(report =>
        {
            told.Add(report.Step);
            threads.Add(Environment.CurrentManagedThreadId);
        }))
        {
            EverySteps = 1,
        };
        new Trainer(recorded, Options).Fit(sources, sources, record);

        foreach (var ((name, expected), actual) in plain.state_dict().Zip(recorded.state_dict().Values))
            actual.contiguous().bytes.SequenceEqual(expected.contiguous().bytes).Should().BeTrue(name);
        threads.Should().Equal(Environment.CurrentManagedThreadId);
        told.Should().BeInAscendingOrder().And.Equal(record.Steps.Select(report => report.Step));
        record.Gradients.Select(its => its.Step).Should().Equal(told);
        record.Epochs.Should().HaveCount(3);
        record.Gradients[0].Gradients.Norms["image"].Should().NotBe(record.Gradients[^1].Gradients.Norms["image"]);

        // The base is frozen in the last phase, and measured all the same.
        record.Gradients[^1].Gradients.Norms["image"].Should().BeGreaterThan(0);
    }

    [Fact]
    public void Batches_without_a_label_do_not_end_the_training()
    {
        using var model = SharingProblem.Build();
        var image = SharingProblem.Sources()[0];
        var unlabelled = new TensorSource("image", image.Inputs["image"], full([60], -1L));
        var record = new TrainingRecord(model, [unlabelled]) { EverySteps = 1 };

        new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 3 }).Fit([image], null, record);

        record.Steps.Should().HaveCount(3);
        record.Gradients.Should().BeEmpty();
    }

    [Fact]
    public void It_measures_at_the_first_step_every_so_many_and_the_last()
    {
        var sources = SharingProblem.Sources();
        using var model = SharingProblem.Build();
        var record = new TrainingRecord(model, sources) { EverySteps = 4 };
        new Trainer(model, new() { Epochs = 2, StepsPerEpoch = 5 }).Fit(sources, null, record);
        record.Gradients.Select(its => its.Step).Should().Equal(1, 4, 8, 10);
    }

    [Fact]
    public void Of_a_long_training_some_steps_and_gradients_are_kept_and_memory_stays_flat()
    {
        using var model = SharingProblem.BuildTwins();
        var record = new TrainingRecord(model, [SharingProblem.Twins(true, 8)]) { EverySteps = 8 };
        void Report(long step) => record.Report(new()
        {
            Step = step, Steps = 30_000, Epoch = 1, Epochs = 1, Phase = 1, Phases = 1, LearningRate = 1,
            Losses = new Dictionary<string, double>(), Metrics = new Dictionary<string, double>(), EpochsSeen = new Dictionary<string, double>(),
            Remaining = TimeSpan.Zero, Warnings = step == 777 ? ["look"] : [],
        });
        Report(1);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var step = 2L; step <= 10_000; step++)
            Report(step);

        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
        record.Steps.Count.Should().BeInRange(512, 1_024);
        record.Gradients.Count.Should().BeInRange(512, 1_024);
        record.Steps.Select(its => its.Step).Should().BeInAscendingOrder().And.StartWith(1).And.Subject.Last().Should().BeGreaterThan(9_900);
        record.Gradients.Select(its => its.Step).Should().BeInAscendingOrder().And.StartWith(1).And.Subject.Last().Should().BeGreaterThan(9_900);
        record.Latest!.Step.Should().Be(10_000);
        record.Warnings.Should().Equal("look");
    }

    [Fact]
    public void Without_samples_it_measures_nothing()
    {
        using var model = SharingProblem.Build();
        var record = new TrainingRecord();
        record.Latest.Should().BeNull();
        new Trainer(model, new() { Epochs = 2, StepsPerEpoch = 3 }).Fit(SharingProblem.Sources(), null, record);
        record.Gradients.Should().BeEmpty();
        record.Steps.Should().HaveCount(6);
        record.Epochs.Should().HaveCount(2);
    }

    [Fact]
    public void Mistakes_are_named_before_a_training()
    {
        using var model = SharingProblem.Build();
        FluentActions.Invoking(() => new TrainingRecord(model, [])).Should().Throw<ArgumentException>().WithMessage("There is no source*");
        FluentActions.Invoking(() => new TrainingRecord(model, [SharingProblem.Twins(true)])).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => new TrainingRecord(model, SharingProblem.Sources()) { EverySteps = 0 }).Should().Throw<ArgumentOutOfRangeException>();
    }
}
