using MultiInputNet.Data;
using MultiInputNet.Insights.Tests.Sharing;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Training;

/// <summary>Recording a training.</summary>
public sealed class TrainingRecorderTests : IDisposable
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
        var recorder = new TrainingRecorder(recorded, sources, Options, new Doing<TrainingProgress>(report =>
        {
            told.Add(report.Step);
            threads.Add(Environment.CurrentManagedThreadId);
        }))
        {
            EverySteps = 1,
        };
        new Trainer(recorded, Options).Fit(sources, sources, recorder);

        foreach (var ((name, expected), actual) in plain.state_dict().Zip(recorded.state_dict().Values))
            actual.contiguous().bytes.SequenceEqual(expected.contiguous().bytes).Should().BeTrue(name);
        threads.Should().Equal(Environment.CurrentManagedThreadId);
        told.Should().BeInAscendingOrder().And.Equal(recorder.Reports.Select(report => report.Step));
        recorder.Gradients.Select(its => its.Step).Should().Equal(told);
        recorder.Reports.Count(report => report.EpochResult is not null).Should().Be(3);
        recorder.Gradients[0].Gradients.Norms["image"].Should().NotBe(recorder.Gradients[^1].Gradients.Norms["image"]);

        // The base is frozen in the last phase, and measured all the same.
        recorder.Gradients[^1].Gradients.Norms["image"].Should().BeGreaterThan(0);
    }

    [Fact]
    public void Batches_without_a_label_do_not_end_the_training()
    {
        using var model = SharingProblem.Build();
        var image = SharingProblem.Sources()[0];
        var unlabelled = new TensorSource("image", image.Inputs["image"], full([60], -1L));
        var recorder = new TrainingRecorder(model, [unlabelled]) { EverySteps = 1 };

        new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 3 }).Fit([image], null, recorder);

        recorder.Reports.Should().HaveCount(3);
        recorder.Gradients.Should().BeEmpty();
    }

    [Fact]
    public void It_measures_at_the_first_step_every_so_many_and_the_last()
    {
        var sources = SharingProblem.Sources();
        using var model = SharingProblem.Build();
        var recorder = new TrainingRecorder(model, sources) { EverySteps = 4 };
        new Trainer(model, new() { Epochs = 2, StepsPerEpoch = 5 }).Fit(sources, null, recorder);
        recorder.Gradients.Select(its => its.Step).Should().Equal(1, 4, 8, 10);
    }

    [Fact]
    public void Of_a_long_training_some_reports_are_kept()
    {
        using var model = SharingProblem.Build();
        var recorder = new TrainingRecorder(model, SharingProblem.Sources()) { EverySteps = int.MaxValue };
        for (var step = 1L; step <= 20_000; step++)
        {
            recorder.Report(new()
            {
                Step = step, Steps = 30_000, Epoch = 1, Epochs = 1, Phase = 1, Phases = 1, LearningRate = 1,
                Losses = new Dictionary<string, double>(), Metrics = new Dictionary<string, double>(), EpochsSeen = new Dictionary<string, double>(),
                Remaining = TimeSpan.Zero, Warnings = step == 777 ? ["look"] : [],
            });
        }

        recorder.Reports.Count.Should().BeInRange(1_000, 4_096);
        recorder.Reports.Select(report => report.Step).Should().BeInAscendingOrder().And.Contain([1, 777, 16_384]);
    }

    [Fact]
    public void Mistakes_are_named_before_a_training()
    {
        using var model = SharingProblem.Build();
        FluentActions.Invoking(() => new TrainingRecorder(model, [])).Should().Throw<ArgumentException>().WithMessage("There is no source*");
        FluentActions.Invoking(() => new TrainingRecorder(model, [SharingProblem.Twins(true)])).Should().Throw<MultiInputException>();
        FluentActions.Invoking(() => new TrainingRecorder(model, SharingProblem.Sources()) { EverySteps = 0 }).Should().Throw<ArgumentOutOfRangeException>();
    }
}
