using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>One fusion module of all tasks that name none.</summary>
public sealed class SharedFusionTests
{
    private static readonly string[] names = ["cat", "dog", "fox"];

    private static MultiInputModelBuilder Describe(FusionSpec? fusion = null, bool shared = true) => MultiInputModel.Define()
        .Input("image", Inputs.Image(2, 6, 6))
        .Input("table", Inputs.Tabular(5))
        .Base(Bases.ConvNet(4, 6, 8) with { Normalization = Normalization.Batch })
        .Fusion(fusion ?? Fusions.Attention(heads: 2), shared)
        .Task("image", Heads.Classification(3) with { ClassNames = names })
        .Task("table", Heads.Regression(1))
        .Task("both", Heads.Regression(1), from: ["image", "table"])
        .Task("own", Heads.Regression(1), from: ["table"], fusion: Fusions.Attention(heads: 4));

    private static Dictionary<string, Tensor> Batch(int count) => new() { ["image"] = rand(count, 2, 6, 6), ["table"] = randn(count, 5) };

    private static TensorSource Source()
    {
        random.manual_seed(7);
        return new("s", Batch(40), new Dictionary<string, Tensor>
        {
            ["image"] = randint(3, [40]).to(ScalarType.Int64), ["table"] = rand(40, 1), ["both"] = rand(40, 1), ["own"] = rand(40, 1),
        }) { BatchSize = 10 };
    }

    private static MultiInputModel Trained()
    {
        var model = Describe().Build(CPU, seed: 1);
        new Trainer(model, TrainingProblem.Options).Fit([Source()]);
        return model;
    }

    private static bool IsFusion(string name) => name.StartsWith("shared_fusion.", StringComparison.Ordinal);

    [Fact]
    public void Its_tasks_have_one_set_of_weights_which_is_counted_once()
    {
        using var scope = NewDisposeScope();
        using var shared = Describe().Build(CPU);
        using var apart = Describe(shared: false).Build(CPU);

        var fusion = (4 * 8 * 8) + (4 * 8);
        shared.state_dict().Keys.Where(key => key.Contains("fusion", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "shared_fusion.in_proj_weight", "shared_fusion.in_proj_bias", "shared_fusion.out_proj.weight", "shared_fusion.out_proj.bias",
            "fusions.own.in_proj_weight", "fusions.own.in_proj_bias", "fusions.own.out_proj.weight", "fusions.own.out_proj.bias");
        shared.parameters().Sum(parameter => parameter.numel()).Should().Be(apart.parameters().Sum(parameter => parameter.numel()) - (2 * fusion));
        var summary = shared.Summary().Split(Environment.NewLine);
        summary.Where(line => line.Contains("Attention, shared", StringComparison.Ordinal)).Should().HaveCount(3);
        summary.Should().ContainSingle(line => line.StartsWith("image ") && line.Contains("classification")).Which.Should().Contain($" {3 * 9} ", "its head alone counts here");
        summary.Should().Contain($"fusion AttentionFusion: {fusion} parameters, shared by image, table, both");
        apart.Summary().Should().NotContain("shared by image");
        shared.Routes.Select(route => route.Macs).Should().Equal(apart.Routes.Select(route => route.Macs));
    }

    [Fact]
    public void It_gives_what_modules_of_the_same_weights_give()
    {
        using var scope = NewDisposeScope();
        using var shared = Describe().Build(CPU, seed: 1);
        using var apart = Describe(shared: false).Build(CPU, seed: 2);
        var state = shared.state_dict();
        foreach (var (key, value) in apart.state_dict().Where(pair => !state.ContainsKey(pair.Key)))
            state[key] = state[key.Replace("fusions.image", "shared_fusion").Replace("fusions.table", "shared_fusion").Replace("fusions.both", "shared_fusion")];
        apart.load_state_dict(state, strict: false);
        var x = Batch(3);
        shared.eval();
        apart.eval();

        var expected = apart.forward(x);

        foreach (var (task, output) in shared.forward(x))
            output.ShouldBeSame(expected[task], task);
    }

    public static TheoryData<string> WithoutWeights => [.. withoutWeights.Keys];

    private static readonly Dictionary<string, FusionSpec> withoutWeights = new()
    {
        ["flatten"] = Fusions.Flatten(),
        ["average"] = Fusions.GlobalAverage(),
        ["concat"] = Fusions.Concat(Fusions.GlobalMax()),
        ["mean"] = Fusions.Mean(),
    };

    [Theory]
    [MemberData(nameof(WithoutWeights))]
    public void A_fusion_without_weights_is_the_same_shared_and_apart(string name)
    {
        using var scope = NewDisposeScope();
        using var shared = Describe(withoutWeights[name]).Build(CPU, seed: 1);
        using var apart = Describe(withoutWeights[name], shared: false).Build(CPU, seed: 1);
        shared.eval();
        apart.eval();
        var x = Batch(3);

        var expected = apart.forward(x);

        shared.state_dict().Keys.Should().Equal(apart.state_dict().Keys);
        foreach (var (task, output) in shared.forward(x))
            output.ShouldBeSame(expected[task], task);
    }

    [Fact]
    public void It_goes_to_json_and_files_and_old_ones_have_none()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (description, apart) = (Describe().Describe(), Describe(shared: false).Describe());
        using var model = description.Build(CPU, seed: 1);
        model.Save(folder["model"]);

        using var loaded = MultiInputModel.Load(folder["model"], CPU);

        loaded.Description.Should().Be(description);
        loaded.Description.SharesFusion.Should().BeTrue();
        loaded.state_dict().Keys.Should().Equal(model.state_dict().Keys);
        loaded.ShouldHave(TrainingProblem.Weights(model));
        description.Should().NotBe(apart);
        apart.ToJson().Should().NotContain("shares_fusion", "what was written before reads the same");
        ModelDescription.FromJson(apart.ToJson()).SharesFusion.Should().BeFalse();
    }

    [Fact]
    public void Features_that_cannot_share_it_are_named_with_their_tasks()
    {
        var widths = Describe().Input("other", Inputs.Image(2, 6, 6)).Base(Bases.ConvNet(4, 6), inputs: ["other"]).Task("other", Heads.Regression(1));
        var heads = Describe(Fusions.Attention(3));
        var linear = Describe(Fusions.FromSeveral("linear", maps => new Joined(maps)));
        var one = Describe(Fusions.From("one", _ => nn.Flatten()));

        Refused(widths).Should().Be("Tasks 'image', 'table', 'both', 'other', fusion: they share one Attention module, and their features have 8 channels ('image', 'table', 'both') "
            + "and 6 channels ('other'). Give those of one channel count a fusion of their own, .Task(..., fusion: ...), or all inputs one base.");
        Refused(heads).Should().StartWith("Task 'image', fusion: 3 heads do not divide the 8 channels");
        Refused(linear).Should().StartWith("Task 'table', fusion: the fusion that it shares cannot take maps 8×1×1: ")
            .And.EndWith("Make the fusion fit the features of all tasks, or give this one its own, .Task(..., fusion: ...).");
        Refused(one).Should().StartWith("Task 'both', fusion: one takes one input, but the task has 2.");

        static string Refused(MultiInputModelBuilder builder) => builder.Invoking(b => b.Build(CPU)).Should().Throw<MultiInputException>().Which.Message;
    }

    [Fact]
    public void Freezing_it_for_a_task_freezes_it_for_all_that_share_it()
    {
        using var scope = NewDisposeScope();
        using var model = Describe().Build(CPU, seed: 1);
        var before = TrainingProblem.Weights(model);

        model.Freeze(Parts.Fusions("table"));

        model.IsFrozen(Parts.Fusions("image")).Should().BeTrue();
        model.IsFrozen(Parts.Fusions("own")).Should().BeFalse();
        model.HasFrozenFusion("both").Should().BeTrue();
        new Trainer(model, TrainingProblem.Options).Fit([Source()]);
        TrainingProblem.Changed(model, before).Should().NotContain(name => IsFusion(name)).And.Contain("fusions.own.in_proj_weight");
        model.Unfreeze(Parts.Fusions("image"));
        model.HasFrozenFusion("table").Should().BeFalse();
        new Trainer(model, TrainingProblem.Options).Fit([Source()]);
        TrainingProblem.Changed(model, before).Where(IsFusion).Should().HaveCount(4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Features_before_it_and_after_it_are_reused(bool frozen)
    {
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> Train(long cacheBytes)
        {
            using var model = Describe().Build(CPU, seed: 1);
            model.Freeze(Parts.Base, Parts.Projections());
            if (frozen)
                model.Freeze(Parts.Fusions("both"));
            new Trainer(model, TrainingProblem.Options with { FeatureCacheBytes = cacheBytes }).Fit([Source()]);
            return TrainingProblem.Weights(model);
        }

        var expected = Train(0);
        foreach (var (key, value) in Train(1 << 20))
            value.ShouldEqual(expected[key], 1e-4, key);
    }

    [Fact]
    public void A_grown_or_reduced_model_keeps_it_and_its_weights_to_the_bit()
    {
        using var scope = NewDisposeScope();
        using var old = Trained();
        var (x, weights) = (Batch(4), TrainingProblem.Weights(old));
        var expected = old.forward(x);

        using var grown = old.Grow(add => add.Input("new", Inputs.Image(1, 8, 8)).Task("new", Heads.Regression(1)).Task("all", Heads.Regression(1), from: ["new", "table"]), seed: 3);
        using var reclassed = old.ReplaceClasses("image", ["fox", "owl"], seed: 3);
        using var reduced = old.RemoveTask("image");

        foreach (var model in new[] { grown, reclassed, reduced })
        {
            model.Description.SharesFusion.Should().BeTrue();
            model.ShouldHave(weights, IsFusion);
            model.state_dict().Keys.Count(IsFusion).Should().Be(4);
            foreach (var task in new[] { "table", "both", "own" })
                model.forward(x, [task])[task].ShouldBeSame(expected[task], task);
        }

        grown.forward(x, ["image"])["image"].ShouldBeSame(expected["image"]);
        grown.Routes.Where(route => route.SharesFusion).Select(route => route.Task).Should().Equal("image", "table", "both", "new", "all");
        grown.state_dict().Keys.Should().NotContain(key => key.StartsWith("fusions.new", StringComparison.Ordinal));
    }

    [Fact]
    public void A_training_goes_on_from_a_checkpoint_to_the_bit()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var options = TrainingProblem.Options with { Checkpoints = new(folder["run"]) { EverySteps = 2, Keep = 100 }, Balancing = LossBalancing.GradNorm(), WeightAverageDecay = 0.9 };
        using var whole = Describe().Build(CPU, seed: 1);
        new Trainer(whole, options).Fit([Source()]);
        foreach (var later in Directory.GetFiles(folder["run"]).Order(StringComparer.Ordinal).Skip(3))
            File.Delete(later);

        using var model = Describe().Build(CPU, seed: 9);
        new Trainer(model, options).Resume([Source()]);

        model.ShouldHave(TrainingProblem.Weights(whole));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Balancing_counts_it_among_the_shared_parameters_where_all_tasks_go_through_it(bool all)
    {
        using var scope = NewDisposeScope();
        using var whole = Describe().Build(CPU, seed: 1);
        using var model = all ? whole.RemoveTask("own") : whole.Grow();
        var seen = new List<string>();
        var known = model.named_parameters().ToArray();
        var (source, balancing) = (Source(), new Seen(shared => seen = [.. shared.Select(parameter => known.Single(pair => ReferenceEquals(pair.parameter, parameter)).name)]));

        new Trainer(model, TrainingProblem.Options with { Epochs = 1, Balancing = balancing }).Fit(
            [all ? new("s", source.Inputs, source.Targets.Where(target => target.Key != "own").ToDictionary()) { BatchSize = 10 } : source]);

        var expected = known.Select(pair => pair.name).Where(name => name.StartsWith("base_model.", StringComparison.Ordinal) || (all && IsFusion(name)));
        seen.Should().Equal(expected.OrderBy(IsFusion));
    }

    [Fact]
    public void A_normalisation_in_it_that_cannot_train_is_named_as_shared()
    {
        using var scope = NewDisposeScope();
        using var model = Describe(Fusions.FromSeveral("norm", _ => new Normalised())).Build(CPU);

        model.Invoking(m => m.forward(randn(1, 5), "table")).Should().Throw<MultiInputException>().WithMessage("Shared fusion, fusion: its batch normalisation*");
    }

    /// <summary>All values of the maps that it is made for through a linear layer.</summary>
    private sealed class Joined : nn.Module<IReadOnlyList<Tensor>, Tensor>
    {
        private readonly Linear linear;

        public Joined(IReadOnlyList<MapShape> maps)
            : base(nameof(Joined))
        {
            linear = nn.Linear(maps.Sum(map => map.Count), 3);
            RegisterComponents();
        }

        public override Tensor forward(IReadOnlyList<Tensor> input) => linear.call(cat([.. input.Select(map => map.flatten(1))], 1));
    }

    private sealed class Normalised : nn.Module<IReadOnlyList<Tensor>, Tensor>
    {
        private readonly BatchNorm1d norm = nn.BatchNorm1d(8);

        public Normalised()
            : base(nameof(Normalised)) => RegisterComponents();

        public override Tensor forward(IReadOnlyList<Tensor> input) => norm.call(input[0].mean([2, 3]));
    }

    private sealed class Seen(Action<IReadOnlyList<Parameter>> see) : LossBalancing
    {
        public override LossBalancer Create(IReadOnlyList<string> tasks, IReadOnlyCollection<string>? squaredErrors, Device? device) => new Sum(tasks, see);

        private sealed class Sum(IReadOnlyList<string> tasks, Action<IReadOnlyList<Parameter>> see) : LossBalancer(tasks)
        {
            public override IReadOnlyDictionary<string, double> Weights => Tasks.ToDictionary(task => task, _ => 1.0);

            protected override void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step)
            {
                see(shared);
                losses.Select(loss => loss.Loss).Aggregate((sum, loss) => sum + loss).backward();
            }
        }
    }
}
