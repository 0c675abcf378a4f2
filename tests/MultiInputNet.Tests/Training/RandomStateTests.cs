using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Torch's random state belongs to the process: trainings leave it alone, and each other.</summary>
public sealed class RandomStateTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>What draws: dropout (of <see cref="TrainingProblem"/>), a user's augmentation, mixup, modules of a user's own, nothing.</summary>
    public static TheoryData<string> Draws => ["dropout", "augmentation", "mixup", "own module", "nothing"];

    private static MultiInputModel Build(string draws, long seed = 3) => MultiInputModel.Define()
        .Input("image", Inputs.Image(2, 6, 6))
        .Input("table", Inputs.Tabular(5))
        .Base(draws == "own module" ? Bases.From("noisy", 6, () => new Noisy()) : Bases.ConvNet(6, 8, 12))
        .Task("image", Heads.Classification(3, dropout: draws == "dropout" ? 0.3 : 0), fusion: Fusions.GlobalAverage())
        .Task("table", Heads.Regression(1), fusion: Fusions.Attention(2, draws == "dropout" ? 0.3 : 0))
        .Build(CPU, seed);

    private static Dictionary<string, Tensor> Fit(string draws, long seed = 3, CancellationToken stop = default)
    {
        using var model = Build(draws, seed);
        new Trainer(model, Options(draws, seed)).Fit(Sources(draws), Sources(draws), cancellationToken: stop);
        return TrainingProblem.Weights(model);
    }

    private static TrainerOptions Options(string draws, long seed) => new()
    {
        Phases = [new(2), new(1, Parts.Heads())],
        StepsPerEpoch = 8,
        Seed = seed,
        MixupAlpha = draws == "mixup" ? 0.4 : null,
        EarlyStopping = new(),
        LearningRate = 0.01,
    };

    private static DataSource[] Sources(string draws)
    {
        // Not TrainingProblem.Sources, which seed the generator.
        using var generator = new Generator(5);
        var (images, rows) = (randn([60, 2, 6, 6], generator: generator), randn([120, 5], generator: generator));
        return
        [
            new TensorSource("image", images, randint(3, [60], generator: generator).to(ScalarType.Int64))
            {
                BatchSize = 16,
                Augment = draws == "augmentation" ? (_, batch) => Augmentations.Noise(0.5)(batch) : null,
            },
            new TensorSource("table", rows, rows[.., ..1] - rows[.., 1..2]) { BatchSize = 24 },
        ];
    }

    [Theory]
    [MemberData(nameof(Draws))]
    public void A_training_leaves_the_random_state_as_it_was(string draws)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(17);
        var before = random.get_rng_state();
        using var model = Build(draws);
        using var stop = new CancellationTokenSource();

        new Trainer(model, Options(draws, 3)).Fit(Sources(draws), Sources(draws));
        random.get_rng_state().ShouldBeSame(before, "after a training");

        new Trainer(model, Options(draws, 3)).Invoking(t => t.Fit(Sources(draws), Sources(draws), new Now(step => stop.Cancel()), stop.Token)).Should().Throw<OperationCanceledException>();
        random.get_rng_state().ShouldBeSame(before, "after one that was stopped");

        var broken = new TensorSource("table", full(40, 5, float.NaN), zeros(40, 1)) { Augment = (_, batch) => batch + randn_like(batch) };
        new Trainer(model, Options("nothing", 3)).Invoking(t => t.Fit([broken], Sources(draws))).Should().Throw<MultiInputException>();
        random.get_rng_state().ShouldBeSame(before, "after one that failed");
    }

    [Fact]
    public void Models_that_are_built_after_trainings_differ()
    {
        using var scope = NewDisposeScope();
        var description = Build("dropout").Description;
        random.manual_seed(1);
        var first = new List<float>();
        for (var i = 0; i < 4; i++)
        {
            using var model = description.Build(CPU);
            first.Add(model.parameters().First().data<float>().First());
            new Trainer(model, Options("dropout", 0)).Fit(Sources("dropout"), Sources("dropout"));
        }

        first.Should().OnlyHaveUniqueItems();
    }

    [Theory]
    [MemberData(nameof(Draws))]
    public void Trainings_at_once_give_what_each_gives_alone(string draws)
    {
        using var scope = NewDisposeScope();
        var alone = new[] { Fit(draws, 3), Fit("dropout", 4), Fit(draws, 5) };
        var kinds = new[] { draws, "dropout", draws };
        var together = new Dictionary<string, Tensor>[3];
        using var isOver = new CancellationTokenSource();

        // Someone builds models meanwhile, and draws their weights from the random state.
        var description = Build("nothing").Description;
        var builder = new Thread(() =>
        {
            while (!isOver.IsCancellationRequested)
                description.Build(CPU).Dispose();
        });
        builder.Start();
        var threads = Enumerable.Range(0, 3).Select(i => new Thread(() => together[i] = Fit(kinds[i], 3 + i))).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
        isOver.Cancel();
        builder.Join();

        foreach (var (one, other) in alone.Zip(together))
        {
            foreach (var (name, value) in one)
                value.ShouldBeSame(other[name], name);
        }
    }

    [Fact]
    public void The_weights_of_a_model_follow_from_the_seed_that_it_is_built_with()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        var before = random.get_rng_state();
        using var model = Build("dropout", 1);
        using var same = Build("dropout", 1);
        using var other = Build("dropout", 2);
        same.ShouldHave(TrainingProblem.Weights(model));
        TrainingProblem.Changed(other, TrainingProblem.Weights(model)).Should().NotBeEmpty();

        // As when the generator itself is seeded.
        random.manual_seed(1);
        using var seeded = model.Description.Build(CPU);
        seeded.ShouldHave(TrainingProblem.Weights(model));
        random.set_rng_state(before);

        MultiInputModel Grow(long seed) => model.Grow(add => add.Input("new", Inputs.Tabular(3)).Task("new", Heads.Regression(1)), seed: seed);
        using var grown = Grow(6);
        using var grownAgain = Grow(6);
        using var grownOtherwise = Grow(7);
        grownAgain.ShouldHave(TrainingProblem.Weights(grown));
        TrainingProblem.Changed(grownOtherwise, TrainingProblem.Weights(grown)).Should().NotBeEmpty().And.OnlyContain(name => name.Contains(".new."));

        MultiInputModel Replace(long seed) => model.ReplaceClasses("image", ["x", "y", "z", "u"], ["x", "y", "w"], seed: seed);
        using var replaced = Replace(6);
        using var replacedAgain = Replace(6);
        using var replacedOtherwise = Replace(7);
        replacedAgain.ShouldHave(TrainingProblem.Weights(replaced));
        TrainingProblem.Changed(replacedOtherwise, TrainingProblem.Weights(replaced)).Should().OnlyContain(name => name.StartsWith("output_layers.image"));

        using var removed = grown.RemoveTask("new");
        model.Save(folder["model.safetensors"]);
        using var loaded = MultiInputModel.Load(folder["model.safetensors"], CPU);
        random.get_rng_state().ShouldBeSame(before, "nothing of this draws from it");
    }

    public static TheoryData<string> RandomBases => ["none", "efficientnet", "convnext", "vit dropout", "vit attention", "vit depth", "fusion", "head"];

    [Theory]
    [MemberData(nameof(RandomBases))]
    public void What_draws_is_known(string what)
    {
        using var scope = NewDisposeScope();
        var vit = new VisionTransformerSpec { ImageSize = 16, PatchSize = 8, Width = 16, Depth = 2, Heads = 2 };
        foreach (var chance in new[] { 0, 0.4 })
        {
            BaseSpec sharedBase = what switch
            {
                "efficientnet" => Bases.EfficientNetB0() with { StochasticDepth = chance },
                "convnext" => Bases.ConvNeXtTiny() with { StochasticDepth = chance },
                "vit dropout" => vit with { Dropout = chance },
                "vit attention" => vit with { AttentionDropout = chance },
                "vit depth" => vit with { StochasticDepth = chance },
                _ => Bases.ConvNet(3, 4),
            };
            using var model = MultiInputModel.Define().Input("a", Inputs.Image(3, 32, 32)).Base(sharedBase)
                .Task("a", Heads.Regression(1, dropout: what == "head" ? chance : 0), fusion: what == "fusion" ? Fusions.Attention(2, chance) : Fusions.GlobalAverage()).Build(CPU, seed: 1);
            var before = random.get_rng_state();
            model.forward(ones(4, 3, 32, 32), "a");

            var drew = !random.get_rng_state().bytes.SequenceEqual(before.bytes);
            drew.Should().Be(chance > 0 && what != "none");
            RandomModules.DrawInTraining(model).Should().Be(drew);
            RandomModules.DrawInEvaluation(model).Should().BeFalse();
        }
    }

    /// <summary>Draws in training and in evaluation.</summary>
    private sealed class Noisy : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> convolution = nn.Conv2d(6, 12, 3, padding: 1L);

        public Noisy()
            : base(nameof(Noisy)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var map = convolution.call(input);
            return (map + 0.1f * randn_like(map)).MoveToOuterDisposeScope();
        }
    }
}
