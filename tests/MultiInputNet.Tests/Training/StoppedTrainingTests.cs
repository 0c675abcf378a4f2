using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>A training that is stopped, wherever and however often, goes on to the weights of one that ran through.</summary>
public sealed class StoppedTrainingTests : IDisposable
{
    private static readonly string[] balancings = ["equal", "uncertainty", "average", "norms", "surgery"];

    private readonly string folder = Directory.CreateTempSubdirectory("stopped-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>Phases, averaged weights, early stopping and accumulation in all combinations, with the ways of balancing in turn.</summary>
    public static IEnumerable<object[]> Combinations => Enumerable.Range(0, 16).Select(bits => new object[]
    {
        (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, balancings[bits % balancings.Length],
    });

    private static TrainerOptions Options(bool phases, bool average, bool earlyStopping, bool accumulation, string balancing) => new()
    {
        Phases = phases ? [new(2, Parts.Heads()), new(1, Parts.Base, Parts.Projections()), new(2)] : [],
        Epochs = 4,
        StepsPerEpoch = 3,
        LearningRate = 0.01,
        WeightAverageDecay = average ? 0.8 : null,
        EarlyStopping = earlyStopping ? new() { Patience = 1 } : null,
        AccumulatedBatches = accumulation ? 2 : 1,
        Balancing = balancing switch
        {
            "uncertainty" => LossBalancing.Uncertainty(),
            "average" => LossBalancing.DynamicWeightAverage(),
            "norms" => LossBalancing.GradNorm(),
            "surgery" => LossBalancing.PCGrad(),
            _ => LossBalancing.Equal,
        },
        Optimizer = accumulation ? Optimizers.Sgd(0.9) : Optimizers.AdamW(),
        Seed = 5,
    };

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Stopped_behind_every_step(bool phases, bool average, bool earlyStopping, bool accumulation, string balancing)
    {
        using var scope = NewDisposeScope();
        var options = Options(phases, average, earlyStopping, accumulation, balancing);
        var sources = TrainingProblem.Sources();
        var validation = TrainingProblem.Sources(20);
        using var whole = TrainingProblem.Build();
        var expected = new Trainer(whole, options).Fit(sources, validation);

        var stops = 0;
        TrainingHistory? history = null;
        for (; history is null; stops++)
        {
            // Each in a model of other weights than the first.
            using var other = TrainingProblem.Build(seed: 1 + stops);
            using var stop = new CancellationTokenSource();
            try
            {
                history = new Trainer(other, options with { Checkpoints = new(folder) }).Resume(sources, validation, new Now(_ => stop.Cancel()), stop.Token);
                other.ShouldHave(TrainingProblem.Weights(whole));
            }
            catch (OperationCanceledException e)
            {
                e.Message.Should().Contain("holds its state: Resume continues it.");
                stops.Should().BeLessThan(40);
            }
        }

        stops.Should().BeGreaterThan(5);
        history.Should().BeEquivalentTo(expected);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Stopped_in_every_evaluation_and_while_features_are_computed(bool average)
    {
        using var scope = NewDisposeScope();
        var options = Options(true, average, true, false, "equal") with { Phases = [new(2, Parts.Heads()), new(2), new(1, Parts.Heads())] };
        var sources = TrainingProblem.Sources();
        var validation = TrainingProblem.Sources(20);
        using var whole = TrainingProblem.Build();
        var expected = new Trainer(whole, options).Fit(sources, validation);

        // The first reads behind a start are those of the fingerprint.
        var (stops, reads, messages) = (0, 0, new List<string>());
        TrainingHistory? history = null;
        while (history is null)
        {
            using var model = TrainingProblem.Build(seed: 1 + stops);
            using var stop = new CancellationTokenSource();
            var (left, isRunning) = (1 + reads++ % 3, false);
            void Read()
            {
                if (isRunning && --left == 0)
                    stop.Cancel();
            }

            var trainer = new Trainer(model, options with { Checkpoints = new(folder) });
            try
            {
                history = trainer.Resume(
                    [.. sources.Select(source => new Watched(source, Read) { BatchSize = source.BatchSize })], [.. validation.Select(source => new Watched(source, Read))], new Now(_ => isRunning = true), stop.Token);
                model.ShouldHave(TrainingProblem.Weights(whole));
            }
            catch (OperationCanceledException e)
            {
                messages.Add(e.Message);
                stops++;
                stops.Should().BeLessThan(60);
            }
        }

        stops.Should().BeGreaterThan(3);
        messages.Should().OnlyContain(message => message.Contains("holds its state: Resume continues it."));
        history.Should().BeEquivalentTo(expected);
    }

    [Fact]
    public void A_training_without_checkpoints_that_is_stopped_in_an_evaluation_says_where_it_stands()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        using var stop = new CancellationTokenSource();
        var isRunning = false;
        DataSource[] validation = [.. TrainingProblem.Sources(20).Select(source => new Watched(source, () =>
        {
            if (isRunning)
                stop.Cancel();
        }))];

        new Trainer(model, TrainingProblem.Options).Invoking(t => t.Fit(TrainingProblem.Sources(), validation, new Now(_ => isRunning = true), stop.Token))
            .Should().Throw<OperationCanceledException>().WithMessage("The training was stopped after step 5 of 15. The model keeps what it has learned.");
    }

    /// <summary>A source that tells of each read.</summary>
    private sealed class Watched(TensorSource source, Action read) : DataSource(source.Name, source.InputNames, source.Targets)
    {
        public override bool IsInMemory => true;

        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            read();
            return source.Read(rows);
        }
    }
}
