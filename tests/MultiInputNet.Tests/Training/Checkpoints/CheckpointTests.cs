using System.Diagnostics;
using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

public sealed class CheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("checkpoints-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private TrainerOptions Options => TrainingProblem.Options with { Checkpoints = new(folder) { EverySteps = 2, Keep = 100 } };

    [Fact]
    public void A_training_that_goes_on_from_any_checkpoint_ends_with_the_same_weights_to_the_bit()
    {
        using var scope = NewDisposeScope();
        var options = Options with
        {
            Phases = [new(2, Parts.Heads()), new(2, Parts.All)],
            Optimizer = Optimizers.Sgd(0.9),
            EarlyStopping = new(),
        };
        using var whole = TrainingProblem.Build();
        var expected = new Trainer(whole, options).Fit(TrainingProblem.Sources(), TrainingProblem.Sources());
        var files = Directory.GetFiles(folder).Order(StringComparer.Ordinal).ToArray();
        files.Should().HaveCountGreaterThan(9);

        foreach (var last in files.Reverse().ToArray())
        {
            using var model = TrainingProblem.Build(seed: 99);
            var history = new Trainer(model, options).Resume(TrainingProblem.Sources(), TrainingProblem.Sources());
            model.ShouldHave(TrainingProblem.Weights(whole));
            history.Epochs.Should().BeEquivalentTo(expected.Epochs, Path.GetFileName(last));
            foreach (var later in Directory.GetFiles(folder).Where(file => string.CompareOrdinal(file, last) >= 0))
                File.Delete(later);
        }
    }

    public static TheoryData<string> Ways => ["uncertainty", "gradients", "rates"];

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_a_training_remembers_goes_on_from_a_checkpoint(string way)
    {
        using var scope = NewDisposeScope();
        var options = way switch
        {
            "uncertainty" => Options with { Balancing = LossBalancing.Uncertainty(), WeightAverageDecay = 0.9, EarlyStopping = new(), MixupAlpha = 0.4 },
            "gradients" => Options with { Balancing = LossBalancing.GradNorm(), WeightAverageDecay = 0.9, Sampling = SourceSampling.Temperature(0.5) },
            _ => Options with { Balancing = LossBalancing.DynamicWeightAverage(2), Schedule = LearningRateSchedule.OneCycle(), Sampling = SourceSampling.RoundRobin, AccumulatedBatches = 2 },
        };
        using var whole = TrainingProblem.Build();
        new Trainer(whole, options).Fit(TrainingProblem.Sources(), TrainingProblem.Sources());
        foreach (var later in Directory.GetFiles(folder).Order(StringComparer.Ordinal).Skip(4))
            File.Delete(later);

        using var model = TrainingProblem.Build(seed: 99);
        new Trainer(model, options).Resume(TrainingProblem.Sources(), TrainingProblem.Sources());

        model.ShouldHave(TrainingProblem.Weights(whole));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task A_training_that_is_killed_again_and_again_ends_with_the_same_weights_to_the_bit()
    {
        var uninterrupted = Directory.CreateDirectory(Path.Combine(folder, "whole")).FullName;
        var killed = Directory.CreateDirectory(Path.Combine(folder, "killed")).FullName;
        using (var whole = Start(uninterrupted))
        {
            await whole.StandardOutput.ReadToEndAsync();
            await whole.WaitForExitAsync();
            whole.ExitCode.Should().Be(0);
        }

        var draw = new Random(11);
        var kills = 0;
        var deepest = 0L;
        while (!File.Exists(Path.Combine(killed, "model.safetensors")))
        {
            using var process = Start(killed);
            if (kills < 12)
            {
                // A few steps, then a moment at random: in a step, in an evaluation, in the middle of a file.
                for (var steps = draw.Next(1, 5); steps > 0 && await process.StandardOutput.ReadLineAsync() is { } line; steps--)
                    deepest = Math.Max(deepest, long.Parse(line));
                await Task.Delay(draw.Next(0, 40));
                if (!process.HasExited)
                {
                    process.Kill(); // SIGKILL
                    kills++;
                }

                await process.WaitForExitAsync();
                continue;
            }

            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            process.ExitCode.Should().Be(0);
        }

        kills.Should().BeGreaterThanOrEqualTo(10);
        deepest.Should().BeGreaterThan(10);
        File.ReadAllBytes(Path.Combine(killed, "model.safetensors")).SequenceEqual(File.ReadAllBytes(Path.Combine(uninterrupted, "model.safetensors")))
            .Should().BeTrue("{0} kills must not show", kills);
        Directory.GetFiles(killed, "*.tmp").Should().BeEmpty();

        static Process Start(string folder) => Process.Start(new ProcessStartInfo("dotnet", [typeof(CheckpointTests).Assembly.Location, "train", folder])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused_and_the_one_before_it_used_where_that_is_allowed()
    {
        using var scope = NewDisposeScope();
        using var whole = TrainingProblem.Build();
        new Trainer(whole, Options).Fit(TrainingProblem.Sources());
        var latest = Directory.GetFiles(folder).Order(StringComparer.Ordinal).Last();
        using (var file = File.OpenWrite(latest))
            file.SetLength(file.Length - 5);
        using var model = TrainingProblem.Build(seed: 99);

        new Trainer(model, Options).Invoking(t => t.Resume(TrainingProblem.Sources())).Should().Throw<MultiInputException>()
            .WithMessage($"Checkpoint '{latest}', file: it cannot be read: *Set AllowEarlier to resume from the one before it.");
        new Trainer(model, Options with { Checkpoints = Options.Checkpoints! with { AllowEarlier = true } }).Resume(TrainingProblem.Sources());
        model.ShouldHave(TrainingProblem.Weights(whole));

        foreach (var file in Directory.GetFiles(folder))
            File.WriteAllText(file, "no checkpoint");
        new Trainer(model, Options with { Checkpoints = Options.Checkpoints! with { AllowEarlier = true } })
            .Invoking(t => t.Resume(TrainingProblem.Sources())).Should().Throw<MultiInputException>().WithMessage($"Checkpoint '{latest}', file: it cannot be read: *");
    }

    [Fact]
    public void Weights_of_sources_and_tasks_belong_to_a_training()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var sources = TrainingProblem.Sources();
        TrainerOptions Weighted(double ofSource, double ofTask) => Options with
        {
            Sampling = SourceSampling.Fixed(sources.ToDictionary(source => source.Name, source => source == sources[0] ? ofSource : 1)),
            Balancing = LossBalancing.Fixed(model.Description.Tasks.ToDictionary(task => task.Name, _ => ofTask)),
        };
        new Trainer(model, Weighted(2, 0.5)).Fit(sources);

        new Trainer(model, Weighted(2, 0.5)).Invoking(t => t.Resume(sources)).Should().NotThrow();
        new Trainer(model, Weighted(3, 0.5)).Invoking(t => t.Resume(sources)).Should().Throw<MultiInputException>().WithMessage("*with Sampling Fixed(image 2, table 1), but this training has Fixed(image 3, table 1).*");
        new Trainer(model, Weighted(2, 0.7)).Invoking(t => t.Resume(sources)).Should().Throw<MultiInputException>().WithMessage("*with Balancing Fixed(*0.5), but this training has Fixed(*0.7).*");
    }

    [Fact]
    public void A_checkpoint_of_another_training_is_refused()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var sources = TrainingProblem.Sources();
        new Trainer(model, Options).Fit(sources);

        new Trainer(model, Options).Invoking(t => t.Fit(sources)).Should().Throw<MultiInputException>()
            .WithMessage($"Folder '{folder}', training: it holds the checkpoints of a training already, 'checkpoint-0000000015.safetensors' the latest. Continue that training with Resume*");
        new Trainer(model, Options with { LearningRate = 0.5 }).Invoking(t => t.Resume(sources)).Should().Throw<MultiInputException>()
            .WithMessage("Checkpoint '*', training: it was written with LearningRate 0.003, but this training has 0.5.*");
        new Trainer(model, Options).Invoking(t => t.Resume([sources[0]])).Should().Throw<MultiInputException>()
            .WithMessage("*with sources 'image', 'table', but this training has 'image'.*");
        using var other = TrainingProblem.Build(Normalization.None);
        new Trainer(other, Options).Invoking(t => t.Resume(sources)).Should().Throw<MultiInputException>().WithMessage("*with another model*");

        var latest = Directory.GetFiles(folder).Order(StringComparer.Ordinal).Last();
        model.Save(latest);
        new Trainer(model, Options).Invoking(t => t.Resume(sources)).Should().Throw<MultiInputException>().WithMessage("*it cannot be read: it does not contain a training.*");
    }

    [Fact]
    public void Cancelling_writes_a_checkpoint_and_says_how_to_go_on()
    {
        using var scope = NewDisposeScope();
        using var whole = TrainingProblem.Build();
        new Trainer(whole, TrainingProblem.Options).Fit(TrainingProblem.Sources());
        using var model = TrainingProblem.Build();
        using var cancellation = new CancellationTokenSource();
        var options = Options with { Checkpoints = new(folder) };

        new Trainer(model, options).Invoking(t => t.Fit(
                TrainingProblem.Sources(),
                progress: new Now(step => { if (step.Step == 7) cancellation.Cancel(); }),
                cancellationToken: cancellation.Token))
            .Should().Throw<OperationCanceledException>().WithMessage($"The training was stopped after step 7 of 15. '{Path.Combine(folder, "checkpoint-0000000007.safetensors")}' holds its state: Resume continues it.");
        using var resumed = TrainingProblem.Build(seed: 99);
        new Trainer(resumed, options).Resume(TrainingProblem.Sources());

        resumed.ShouldHave(TrainingProblem.Weights(whole));
        Directory.GetFiles(folder).Should().HaveCount(2, "the latest two are kept");
    }
}
