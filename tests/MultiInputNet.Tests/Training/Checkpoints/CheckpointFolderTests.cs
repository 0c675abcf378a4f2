using System.Diagnostics;
using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Where checkpoints are written, and by whom.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("checkpoint-folder-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private TrainerOptions Options => TrainingProblem.Options with { Checkpoints = new(folder) { EverySteps = 2 } };

    [Fact]
    public void A_folder_is_one_training_s_at_a_time()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        using var other = TrainingProblem.Build(seed: 2);
        var before = TrainingProblem.Weights(other);
        var refused = 0;

        new Trainer(model, Options).Fit(TrainingProblem.Sources(), progress: new Now(step =>
        {
            if (step.Step != 3)
                return;
            File.WriteAllText(Path.Combine(folder, "checkpoint-0000000004.safetensors.1.tmp"), "half");
            foreach (var start in new Func<Trainer, TrainingHistory>[] { t => t.Fit(TrainingProblem.Sources()), t => t.Resume(TrainingProblem.Sources()) })
            {
                new Trainer(other, Options).Invoking(start).Should().Throw<MultiInputException>()
                    .WithMessage($"Folder '{folder}', training: another training of this process ({Environment.ProcessId}) writes its checkpoints there. Wait until it ends, or choose another folder.");
                refused++;
            }

            File.Exists(Path.Combine(folder, "checkpoint-0000000004.safetensors.1.tmp")).Should().BeTrue("it may be the other's");
        }));

        refused.Should().Be(2);
        other.ShouldHave(before);
        File.Delete(Path.Combine(folder, "checkpoint-0000000004.safetensors.1.tmp"));
        Directory.GetFiles(folder).Should().HaveCount(2).And.OnlyContain(file => file.EndsWith(".safetensors"));
        new Trainer(model, Options).Invoking(t => t.Resume(TrainingProblem.Sources())).Should().NotThrow();
    }

    [Fact]
    public async Task A_folder_is_one_process_s_until_it_dies()
    {
        using var scope = NewDisposeScope();
        using var first = Process.Start(new ProcessStartInfo("dotnet", [typeof(CheckpointTests).Assembly.Location, "train", folder]) { RedirectStandardOutput = true })!;
        (await first.StandardOutput.ReadLineAsync()).Should().Be("1");
        using var model = TrainingProblem.Build();
        var (options, sources, validation) = (TrainingProcess.Options(folder), TrainingProblem.Sources(400), TrainingProblem.Sources(100));

        new Trainer(model, options).Invoking(t => t.Resume(sources, validation)).Should().Throw<MultiInputException>().WithMessage($"*: a training of process {first.Id} writes its checkpoints there.*");
        first.HasExited.Should().BeFalse("it is not disturbed");
        first.Kill();
        await first.WaitForExitAsync();

        using var stop = new CancellationTokenSource();
        new Trainer(model, options).Invoking(t => t.Resume(sources, validation, new Now(_ => stop.Cancel()), stop.Token)).Should().Throw<OperationCanceledException>("what a dead process left is no lock");
    }

    public static TheoryData<string> Places => ["a file", "below a file", "not writable", "no drive"];

    [Theory]
    [MemberData(nameof(Places))]
    public void A_folder_that_cannot_be_written_to_is_found_before_anything_is_trained(string place)
    {
        using var scope = NewDisposeScope();
        var file = Path.Combine(folder, "file");
        File.WriteAllText(file, "");
        var path = place switch
        {
            "a file" => file,
            "below a file" => Path.Combine(file, "folder"),
            "not writable" => OperatingSystem.IsWindows() ? "C:\\Windows\\System32\\config\\checkpoints" : "/proc/checkpoints",
            _ => OperatingSystem.IsWindows() ? "Q:\\checkpoints" : "/dev/null/checkpoints",
        };
        using var model = TrainingProblem.Build();
        var before = TrainingProblem.Weights(model);

        new Trainer(model, TrainingProblem.Options with { Checkpoints = new(path) }).Invoking(t => t.Fit(TrainingProblem.Sources())).Should().Throw<MultiInputException>()
            .WithMessage($"Folder '{path}', training: checkpoints cannot be written there: *Name a folder *");
        new Trainer(model, TrainingProblem.Options with { TensorBoardFolder = path }).Invoking(t => t.Fit(TrainingProblem.Sources())).Should().Throw<MultiInputException>()
            .WithMessage($"Folder '{path}', training: TensorBoard event files cannot be written there: *Set TensorBoardFolder to a folder *");
        model.ShouldHave(before);
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_written_ends_the_training_and_leaves_those_before_it()
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var path = Path.Combine(folder, "checkpoint-0000000004.safetensors");
        Directory.CreateDirectory(Path.Combine(path, "in the way"));

        new Trainer(model, Options).Invoking(t => t.Fit(TrainingProblem.Sources())).Should().Throw<MultiInputException>().WithMessage($"File '{path}', file: it is a folder.*");
        Directory.GetFiles(folder).Select(Path.GetFileName).Should().BeEquivalentTo(["checkpoint-0000000000.safetensors", "checkpoint-0000000002.safetensors"]);

        Directory.Delete(path, recursive: true);
        using var whole = TrainingProblem.Build();
        new Trainer(whole, TrainingProblem.Options).Fit(TrainingProblem.Sources());
        using var resumed = TrainingProblem.Build(seed: 7);
        new Trainer(resumed, Options).Resume(TrainingProblem.Sources());
        resumed.ShouldHave(TrainingProblem.Weights(whole));
    }

    public static TheoryData<string, string> Changes => new()
    {
        { "a label", "it was written with other labels of task 'image' in source 'image'." },
        { "a sample", "it was written with other samples of source 'table'." },
        { "order", "it was written with other labels of task 'table' in source 'table'." },
        { "count", "it was written with source 'table' with 120 samples, 24 a batch, but this training has 119 samples, 24 a batch." },
        { "batch", "it was written with source 'image' with 60 samples, 16 a batch, but this training has 60 samples, 8 a batch." },
        { "sources", "it was written with sources 'image', 'table', but this training has 'image'." },
        { "validation label", "it was written with other labels of task 'table' in validation source 'table'." },
        { "validation sample", "it was written with other samples of validation source 'image'." },
        { "validation", "it was written with validation sources 'image', 'table', but this training has none." },
        { "option", "it was written with BatchSize 64, but this training has 32." },
        { "model", "it was written with another model, in which bases[0].spec.normalization is \"batch\", but \"none\" in this one." },
    };

    [Theory]
    [MemberData(nameof(Changes))]
    public void What_has_changed_is_said_in_a_line(string what, string message)
    {
        using var scope = NewDisposeScope();
        using var model = TrainingProblem.Build();
        var (sources, validation, options) = (TrainingProblem.Sources(), TrainingProblem.Sources(20), Options);
        new Trainer(model, options).Fit(sources, validation);
        using var resumed = TrainingProblem.Build(what == "model" ? Normalization.None : Normalization.Batch);
        var before = TrainingProblem.Weights(resumed);
        switch (what)
        {
            case "a label": sources[0].Targets["image"][17] = (sources[0].Targets["image"][17] + 1) % 3; break;
            case "a sample": sources[1].Inputs["table"][33, 2] += 0.001; break;
            case "order": sources[1] = Like(sources[1], Enumerable.Range(0, 120).Reverse()); break;
            case "count": sources[1] = Like(sources[1], Enumerable.Range(0, 119)); break;
            case "batch": sources[0] = new("image", sources[0].Inputs, sources[0].Targets) { BatchSize = 8 }; break;
            case "sources": sources = sources[..1]; break;
            case "validation label": validation[1].Targets["table"][5] += 1; break;
            case "validation sample": validation[0].Inputs["image"][3, 1, 2, 2] += 1; break;
            case "validation": validation = null; break;
            case "option": options = options with { BatchSize = 32 }; break;
        }

        new Trainer(resumed, options).Invoking(t => t.Resume(sources, validation)).Should().Throw<MultiInputException>()
            .WithMessage($"Checkpoint '*', training: {message} Resume with what the training began with, or start again in an empty folder.");
        resumed.ShouldHave(before);

        static TensorSource Like(TensorSource source, IEnumerable<int> rows)
        {
            var chosen = tensor(rows.Select(row => (long)row).ToArray());
            return new(
                source.Name,
                source.Inputs.ToDictionary(pair => pair.Key, pair => pair.Value.index_select(0, chosen)),
                source.Targets.ToDictionary(pair => pair.Key, pair => pair.Value.index_select(0, chosen))) { BatchSize = source.BatchSize };
        }
    }

    [Fact]
    public void A_broken_sample_does_not_keep_a_training_from_its_checkpoints()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define().Input("a", Inputs.Tabular(3)).Base(Bases.ConvNet(4, 4)).Task("a", Heads.Regression(1)).Build(CPU, seed: 1);
        Broken Source(long broken) => new(new("a", rand(300, 3), rand(300, 1)), broken) { BatchSize = 10 };

        var options = Options with { Epochs = 1, StepsPerEpoch = 1 };
        new Trainer(model, options).Invoking(t => t.Fit([Source(299)])).Should().NotThrow("no batch has it");
    }

    [Theory]
    [MemberData(nameof(Culture.Names), MemberType = typeof(Culture))]
    public void A_training_goes_on_in_every_culture(string culture)
    {
        using var scope = NewDisposeScope();
        var options = Options with
        {
            Phases = [new(1, Parts.Heads().At(0.5)), new(2) { LearningRate = 0.0015, LayerDecay = 0.75 }],
            Optimizer = Optimizers.Sgd(0.85),
            Schedule = LearningRateSchedule.Step(0.4, 0.25),
            Sampling = SourceSampling.Temperature(0.5),
            Balancing = LossBalancing.GradNorm(1.25),
            EarlyStopping = new() { MinDelta = 0.0001 },
            WeightAverageDecay = 0.95,
            MixupAlpha = 0.3,
        };
        using var whole = TrainingProblem.Build();
        var expected = new Trainer(whole, options with { Checkpoints = null }).Fit(TrainingProblem.Sources(), TrainingProblem.Sources(20));
        using var model = TrainingProblem.Build();
        using var stop = new CancellationTokenSource();
        Culture.Under("en-US", () => new Trainer(model, options).Invoking(t => t.Fit(
            TrainingProblem.Sources(), TrainingProblem.Sources(20), new Now(step => { if (step.Step == 4) stop.Cancel(); }), stop.Token)).Should().Throw<OperationCanceledException>());

        using var resumed = TrainingProblem.Build(seed: 9);
        var history = Culture.Under(culture, () => new Trainer(resumed, options).Resume(TrainingProblem.Sources(), TrainingProblem.Sources(20)));

        resumed.ShouldHave(TrainingProblem.Weights(whole));
        var (here, there) = (Path.Combine(folder, "here.csv"), Path.Combine(folder, "there.csv"));
        expected.SaveCsv(here);
        Culture.Under(culture, () => history.SaveCsv(there));
        File.ReadAllText(there).Should().Be(File.ReadAllText(here));
    }

    /// <summary>A source that is not in memory, with a sample that cannot be read.</summary>
    private sealed class Broken(TensorSource source, long row) : DataSource(source.Name, source.InputNames, source.Targets)
    {
        public override InputBatch Read(IReadOnlyList<long> rows) => rows.Contains(row)
            ? throw new MultiInputException($"sample {row}", ModelComponent.File, "it is broken.", "Mend it.")
            : source.Read(rows);
    }
}
