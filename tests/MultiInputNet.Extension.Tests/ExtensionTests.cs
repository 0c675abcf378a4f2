using System.Runtime.CompilerServices;
using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Extension.Tests;

/// <summary>What docs/ARCHITECTURE.md says can be added without a change of the library: a base, a projection, a fusion, heads and a balancing.</summary>
public sealed class ExtensionTests : IDisposable
{
    private static readonly Dictionary<string, Delegate> modules = new()
    {
        ["dilated"] = () => (nn.Module<Tensor, Tensor>)new DilatedBase(),
        ["waves"] = (InputSpec input, int channels) => (nn.Module<Tensor, Tensor>)new WaveProjection(input.Shape[0], channels),
        ["gates"] = (IReadOnlyList<MapShape> maps) => (nn.Module<IReadOnlyList<Tensor>, Tensor>)new GatedFusion(maps.Count),
        ["quartiles"] = (int features) => (nn.Module<Tensor, Tensor>)new QuantileHead(features),
        ["spread"] = (int features) => (nn.Module<Tensor, Tensor>)new SpreadHead(features),
        ["hinge"] = (int features) => (nn.Module<Tensor, Tensor>)new HingeHead(features, 3),
    };

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void This_assembly_sees_what_any_other_sees() => typeof(MultiInputModel).Assembly
        .GetCustomAttributes(typeof(InternalsVisibleToAttribute), false).Cast<InternalsVisibleToAttribute>()
        .Should().NotContain(friend => friend.AssemblyName == typeof(ExtensionTests).Assembly.GetName().Name);

    [Fact]
    public void Own_parts_are_built_summarised_trained_evaluated_saved_and_loaded()
    {
        using var model = Build();
        model.Summary().Should().ContainAll("gates", "quartiles", "hinge", "DilatedBase", "serves image, row");
        var before = Loss(model);

        var history = new Trainer(model, Options).Fit(Sources);

        history.Warnings.Should().ContainMatch("*'kind'*1 of its 3 classes have no training sample*class 2*", "a head that says its classes is warned of them");
        history.Epochs[^1].Losses.Values.Should().OnlyContain(loss => double.IsFinite(loss));
        Loss(model).Should().BeLessThan(before);
        model.Head<QuantileHead>("level").Median.Should().BeApproximately(Median(), 1e-6);

        var path = Path.Combine(folder, "model.safetensors");
        model.Save(path);
        using var loaded = MultiInputModel.Load(path, CPU, modules);
        ShouldEqual(loaded, model);
        var (expected, evaluation) = (new Trainer(model).Evaluate(Sources), new Trainer(loaded).Evaluate(Sources));
        evaluation["level"].Loss.Should().Be(expected["level"].Loss);
        evaluation["level"].Metrics.Should().ContainKey("coverage").And.Equal(expected["level"].Metrics);
        evaluation["kind"].Metrics.Should().Equal(expected["kind"].Metrics);
        FluentActions.Invoking(() => MultiInputModel.Load(path, CPU)).Should().Throw<MultiInputException>()
            .WithMessage("*module of your own, 'dilated'*customModules*");
    }

    [Fact]
    public void A_training_with_an_own_balancing_goes_on_where_it_was_to_the_bit()
    {
        using var whole = Build();
        new Trainer(whole, Options).Fit(Sources);

        using var model = Build();
        var options = Options with { Checkpoints = new(folder) };
        using (var stop = new CancellationTokenSource())
        {
            var steps = 0;
            var progress = new Now(_ =>
            {
                if (++steps == 5)
                    stop.Cancel();
            });
            new Trainer(model, options).Invoking(trainer => trainer.Fit(Sources, progress: progress, cancellationToken: stop.Token))
                .Should().Throw<OperationCanceledException>();
        }

        using var resumed = Build();
        new Trainer(resumed, options).Resume(Sources);
        ShouldEqual(resumed, whole);
    }

    [Fact]
    public void A_training_that_fails_in_its_first_step_leaves_an_own_head_as_it_was()
    {
        using var model = Build();
        var source = Sources[0];
        source.Inputs["row"].fill_(float.NaN);

        new Trainer(model, Options).Invoking(trainer => trainer.Fit([source])).Should().Throw<MultiInputException>();

        model.Head<QuantileHead>("level").HasTargetStatistics.Should().BeFalse();
    }

    [Fact]
    public void An_own_head_says_whether_its_outputs_may_be_infinite()
    {
        using var model = Build();
        using var noGrad = no_grad();
        new Trainer(model).Evaluate(Sources)["kind"].Metrics["accuracy"].Should().BeInRange(0, 1, "the mask of one head is minus infinity");

        model.state_dict()["output_layers.level.linear.bias"].fill_(double.PositiveInfinity);

        new Trainer(model).Invoking(trainer => trainer.Evaluate(Sources)).Should().Throw<MultiInputException>().WithMessage("Task 'level'*not finite*");
    }

    [Fact]
    public void An_own_head_has_scores_and_predictions_as_far_as_its_labels_are_as_usual()
    {
        using var model = Build();

        var evaluation = new Trainer(model).Evaluate(Sources, new() { KeepPredictions = true });
        evaluation.SaveCsv(folder);

        var (kind, level) = (evaluation["kind"], evaluation["level"]);
        kind.Classes.Sum(its => its.Support).Should().Be(kind.Count);
        (kind.Classes.Sum(its => its.Correct) / (double)kind.Count).Should().Be(kind.Metrics["accuracy"]);
        kind.Classes[2].Predicted.Should().Be(0, "it is masked");
        level.Outputs.Single().Count.Should().Be(level.Count, "its prediction is the median");
        evaluation.Values.Should().OnlyContain(task => task.Predictions.Count == Sources[0].Count);
        File.ReadAllLines(Path.Combine(folder, "level.predictions.csv"))[0].Should().Be("source,row,name,label,prediction");
    }

    [Fact]
    public void An_own_balancing_is_told_which_heads_have_squared_losses()
    {
        using var model = Build();
        var told = new List<string>();

        new Trainer(model, Options with { Epochs = 1, Balancing = new Told(told) }).Fit(Sources);

        told.Should().Equal("spread");
    }

    [Fact]
    public void Stages_of_an_own_base_are_trained_apart()
    {
        using var model = Build();
        var near = model.state_dict()["base_model.near.weight"].clone();
        var far = model.state_dict()["base_model.far.weight"].clone();

        new Trainer(model, Options with { Phases = [new(1, Parts.BaseStages("far"), Parts.Heads())] }).Fit(Sources);

        model.state_dict()["base_model.near.weight"].equal(near).all().ToBoolean().Should().BeTrue();
        model.state_dict()["base_model.far.weight"].equal(far).all().ToBoolean().Should().BeFalse();
    }

    private static TrainerOptions Options => new() { Epochs = 4, BatchSize = 8, LearningRate = 5e-3, Balancing = new PaceBalancing() };

    private static MultiInputModel Build() => MultiInputModel.Define()
        .Input("image", Inputs.Image(2, 4, 4))
        .Input("row", Inputs.Tabular(3), Projections.From("waves", (Func<InputSpec, int, nn.Module<Tensor, Tensor>>)modules["waves"]))
        .Base(Bases.From("dilated", 4, (Func<nn.Module<Tensor, Tensor>>)modules["dilated"]))
        .Task(
            "level",
            Heads.From("quartiles", (Func<int, nn.Module<Tensor, Tensor>>)modules["quartiles"]),
            from: ["image", "row"],
            fusion: Fusions.FromSeveral("gates", (Func<IReadOnlyList<MapShape>, nn.Module<IReadOnlyList<Tensor>, Tensor>>)modules["gates"]))
        .Task("kind", Heads.From("hinge", (Func<int, nn.Module<Tensor, Tensor>>)modules["hinge"]), from: ["row"])
        .Task("spread", Heads.From("spread", (Func<int, nn.Module<Tensor, Tensor>>)modules["spread"]), from: ["row"])
        .Build(CPU, seed: 1);

    private static TensorSource[] Sources
    {
        get
        {
            var generator = new Generator(7, CPU);
            var (images, rows) = (randn([24, 2, 4, 4], generator: generator), randn([24, 3], generator: generator));
            var levels = rows.sum(1) + 5;
            levels[0] = float.NaN;
            return
            [
                new(
                    "all",
                    new Dictionary<string, Tensor> { ["image"] = images, ["row"] = rows },
                    new Dictionary<string, Tensor>
                    {
                        ["level"] = levels,
                        ["kind"] = (rows.select(1, 0) > 0).to(ScalarType.Int64),
                        ["spread"] = rows.std(1, keepdim: true),
                    }),
            ];
        }
    }

    private static void ShouldEqual(nn.Module model, nn.Module expected)
    {
        var values = model.state_dict();
        foreach (var (name, value) in expected.state_dict())
            values[name].detach().contiguous().bytes.SequenceEqual(value.detach().contiguous().bytes).Should().BeTrue(name);
    }

    private static double Loss(MultiInputModel model) => new Trainer(model).Evaluate(Sources).Values.Sum(task => task.Loss);

    /// <summary>Of an even count, torch's median is the lower of the two in the middle.</summary>
    private static double Median()
    {
        var levels = Sources[0].Targets["level"].data<float>().ToArray().Where(level => !float.IsNaN(level)).Order().ToArray();
        return levels[(levels.Length - 1) / 2];
    }

    private sealed class Told(List<string> squared) : LossBalancing
    {
        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors = null, Device? device = null)
        {
            squared.AddRange(squaredErrors!);
            return Equal.Create(tasks);
        }
    }

    private sealed class Now(Action<TrainingProgress> act) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => act(value);
    }
}
