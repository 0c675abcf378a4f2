using MultiInputNet.Data;
using MultiInputNet.Insights.Tests.Sharing;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Training;

/// <summary>Tasks trained together and alone.</summary>
public sealed class JointAgainstAloneTests : IDisposable
{
    private static readonly TrainerOptions Options = new() { Epochs = 2, LearningRate = 3e-3, Seed = 5 };

    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Fact]
    public void Each_is_what_a_training_gives()
    {
        using var described = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var told = new List<JointProgress>();
        var found = Insight.JointAgainstAlone(described.Description, sources, sources, Options, seeds: [4], device: CPU, progress: new Doing<JointProgress>(told.Add));

        found.Select(its => its.Task).Should().Equal("image", "table");
        told.Select(its => (its.Task, its.Training, its.Trainings)).Distinct().Should().Equal((null, 1, 3), ("image", 2, 3), ("table", 3, 3));

        // Both see as many of the task's samples: the table's source decides the steps.
        found[0].Runs[0].AloneTraining.Epochs[^1].Step.Should().Be(told.Last(its => its.Task is null).Progress.Step);
        found[0].Runs[0].AloneTraining.Epochs[^1].EpochsSeen["image"].Should().Be(told.Last(its => its.Task is null).Progress.EpochsSeen["image"]);

        using var joint = described.Description.Build(CPU, seed: 4);
        new Trainer(joint, Options).Fit(sources, sources);
        var expected = new Trainer(joint, Options).Evaluate(sources);
        found.Should().AllSatisfy(its => its.Joint.Should().Be(expected[its.Task].Score));

        using var alone = MultiInputModel.Define().Input("image", described.Description.Input<ImageInput>("image"), described.Description.Inputs[0].Projection)
            .Base(Bases.ConvNet(6, 8, 12) with { Normalization = Normalization.Batch })
            .Task("image", described.Description.Tasks[0].Head, fusion: Fusions.GlobalAverage()).Build(CPU, seed: 4);
        var trainer = new Trainer(alone, Options with { StepsPerEpoch = 5 });
        trainer.Fit([sources[0]]);
        found[0].Alone.Should().Be(trainer.Evaluate([sources[0]])["image"].Score);
        found[0].Gain.Should().Be(found[0].Joint - found[0].Alone);
    }

    [Fact]
    public void A_trained_model_is_evaluated_and_left_as_it_was()
    {
        using var model = SharingProblem.Build();
        model.train();
        model.Head("image").eval();
        var sources = SharingProblem.Sources();
        var trace = new ModelTrace(model);
        var told = new List<JointProgress>();
        var found = Insight.JointAgainstAlone(model.Description, sources, sources, Options, joint: model, progress: new Doing<JointProgress>(told.Add));
        trace.ShouldBeUnchanged();
        told.Should().OnlyContain(its => its.Task != null && its.Trainings == 2);
        found[1].Runs.Single().Joint.Count.Should().Be(120);
    }

    [Fact]
    public void Tasks_share_inputs_and_bases_of_their_own_and_joint_sources_are_reduced()
    {
        var description = MultiInputModel.Define().Input("a", Inputs.Tabular(3)).Input("b", Inputs.Tabular(3)).Input("c", Inputs.Tabular(3))
            .Base(Bases.ConvNet(4, 8)).Base(Bases.ConvNet(4, 6), inputs: ["b", "c"])
            .Task("one", Heads.Classification(2), from: ["b"]).Task("two", Heads.Classification(2), from: ["a", "c"]).Describe();
        var one = Insight.Reduce(description, description.Tasks[0]);
        one.Inputs.Select(its => its.Name).Should().Equal("b");
        one.Bases.Should().ContainSingle().Which.Inputs.Should().Equal("b");
        Insight.Reduce(description, description.Tasks[1]).Bases.Should().HaveCount(2);

        using var generator = new Generator(1);
        var labels = arange(40, ScalarType.Int64) % 2;
        var source = new TensorSource("all", description.Inputs.Select(input => input.Name).ToDictionary(input => input, _ => randn([40, 3], generator: generator)), new Dictionary<string, Tensor> { ["one"] = labels, ["two"] = labels });
        var options = new TrainerOptions
        {
            Epochs = 1, Balancing = LossBalancing.Fixed(new Dictionary<string, double> { ["one"] = 2 }), EarlyStopping = new() { Task = "one" }, Sampling = SourceSampling.RoundRobin,
        };
        Insight.JointAgainstAlone(description, [source], [source], options, device: CPU).Should().HaveCount(2);
    }

    [Fact]
    public void Mistakes_are_named_and_it_can_be_cancelled()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        FluentActions.Invoking(() => Insight.JointAgainstAlone(model.Description, sources, [sources[0]])).Should().Throw<MultiInputException>().WithMessage("Task 'table'*no validation source*");
        using var other = SharingProblem.BuildTwins();
        FluentActions.Invoking(() => Insight.JointAgainstAlone(model.Description, sources, sources, joint: other)).Should().Throw<ArgumentException>().WithMessage("*another description*");
        using var cancelling = new CancellationTokenSource();
        FluentActions.Invoking(() => Insight.JointAgainstAlone(model.Description, sources, sources, Options, progress: new Doing<JointProgress>(_ => cancelling.Cancel()), cancellationToken: cancelling.Token))
            .Should().Throw<OperationCanceledException>();
    }

    [Fact]
    public void The_standard_error_is_that_of_two_shares()
    {
        TaskEvaluation Of(double score, string primary = "accuracy") => new()
        {
            Loss = 1, Metrics = new Dictionary<string, double> { [primary] = score }, Primary = primary, HigherIsBetter = true, Count = 100, Score = score,
        };
        JointComparison Runs(string primary, params (double Joint, double Alone)[] runs) => new()
        {
            Task = "a",
            Runs = [.. runs.Select((run, seed) => new JointRun { Seed = seed, Joint = Of(run.Joint, primary), Alone = Of(run.Alone, primary), AloneTraining = new() { Epochs = [] } })],
        };
        Runs("accuracy", (0.8, 0.9)).StandardError.Should().BeApproximately(0.05, 1e-12);
        Runs("r2", (0.8, 0.9)).StandardError.Should().Be(double.NaN);
        Runs("r2", (0.8, 0.9)).Spread.Should().Be(double.NaN);

        // Gains of -0.1, 0 and 0.1 have a deviation of 0.1.
        var several = Runs("r2", (0.8, 0.9), (0.9, 0.9), (0.9, 0.8));
        several.Gain.Should().BeApproximately(0, 1e-12);
        several.Spread.Should().BeApproximately(0.1, 1e-12);
        several.StandardError.Should().BeApproximately(0.1 / Math.Sqrt(3), 1e-12);
        Runs("accuracy", (0.8, 0.9), (0.8, 0.9)).StandardError.Should().BeApproximately(0.05, 1e-12);
        FluentActions.Invoking(() => Runs("r2")).Should().Throw<ArgumentException>().WithMessage("There is no run*");
    }

    [Fact]
    public void Several_seeds_are_several_comparisons()
    {
        using var described = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var told = new List<JointProgress>();
        var found = Insight.JointAgainstAlone(described.Description, sources, sources, Options with { Epochs = 1 }, seeds: [4, 9], device: CPU, progress: new Doing<JointProgress>(told.Add));

        told.Select(its => (its.Seed, its.Task, its.Training, its.Trainings)).Distinct().Should().Equal(
            (4, null, 1, 6), (4, "image", 2, 6), (4, "table", 3, 6), (9, null, 4, 6), (9, "image", 5, 6), (9, "table", 6, 6));
        found.Should().AllSatisfy(its => its.Runs.Select(run => run.Seed).Should().Equal(4, 9));
        foreach (var (seed, options) in new[] { (4, Options with { Epochs = 1 }), (9, Options with { Epochs = 1, Seed = Options.Seed + 5 }) })
        {
            var one = Insight.JointAgainstAlone(described.Description, sources, sources, options, seeds: [seed], device: CPU);
            foreach (var (its, all) in one.Zip(found))
                (its.Joint, its.Alone).Should().Be((all.Runs.Single(run => run.Seed == seed).Joint.Score, all.Runs.Single(run => run.Seed == seed).Alone.Score));
        }

        foreach (var seeds in new long[][] { [], [1, 1] })
            FluentActions.Invoking(() => Insight.JointAgainstAlone(described.Description, sources, sources, Options, seeds)).Should().Throw<ArgumentException>().WithMessage("There is no seed, or one twice*");
        FluentActions.Invoking(() => Insight.JointAgainstAlone(described.Description, sources, sources, Options, [1, 2], joint: described)).Should().Throw<ArgumentException>().WithMessage("*single seed*");
    }

    [Fact]
    public void Phases_train_of_what_they_name_what_a_model_has()
    {
        using var described = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var options = Options with
        {
            Phases = [new(1, Parts.Projections("table"), Parts.Heads("table").At(0.5)), new(2, Parts.Heads("image"), Parts.Base, Parts.Projections("image", "table")) { LearningRate = 1e-3 }],
        };
        var found = Insight.JointAgainstAlone(described.Description, sources, sources, options, device: CPU);

        // The model of the images has nothing of the first phase.
        found[0].Runs[0].AloneTraining.Epochs.Select(epoch => epoch.Phase).Should().Equal(1, 1);
        found[1].Runs[0].AloneTraining.Epochs.Select(epoch => epoch.Phase).Should().Equal(1, 2, 2);
        FluentActions.Invoking(() => Insight.JointAgainstAlone(described.Description, sources, sources, Options with { Phases = [new(1, Parts.Heads("table"))] }))
            .Should().Throw<MultiInputException>().WithMessage("Task 'image', training: all phases train parts that a model of it alone does not have*");
        foreach (var joint in new[] { null, described })
        {
            FluentActions.Invoking(() => Insight.JointAgainstAlone(described.Description, sources, sources, Options with { Phases = [new(1, Parts.Heads("tabel"))] }, joint: joint))
                .Should().Throw<MultiInputException>().WithMessage("Task 'tabel'*: the model has no such task*");
        }
    }

    [Fact]
    public void Nothing_stays_in_memory()
    {
        using var described = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        void Compare() => Insight.JointAgainstAlone(described.Description, sources, sources, Options with { Epochs = 1 }, device: CPU);
        Compare();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 2; i++)
            Compare();
        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
    }
}
