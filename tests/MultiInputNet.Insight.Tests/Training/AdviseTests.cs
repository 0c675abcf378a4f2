using MultiInputNet.Data;
using MultiInputNet.Insights.Tests.Sharing;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Training;

/// <summary>Advice: each rule where it applies, and where it does not.</summary>
public sealed class AdviseTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Generator generator = new(3);

    public void Dispose()
    {
        generator.Dispose();
        scope.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Opposed_tasks(bool opposed)
    {
        using var model = SharingProblem.BuildTwins();
        using (no_grad())
            model.CopyHead("a", "b");
        var trace = new ModelTrace(model);
        var advice = Of(AdviceKind.OpposedTasks, Insight.Advise(model, [SharingProblem.Twins(opposed)]));
        trace.ShouldBeUnchanged();
        advice.Should().HaveCount(opposed ? 1 : 0);
        if (opposed)
        {
            advice[0].Subject.Should().Be("tasks 'a' and 'b'");
            advice[0].Numbers["cosine"].Should().BeLessThan(-0.1);
            advice[0].ToString().Should().StartWith("Tasks 'a' and 'b': their gradients on the base oppose each other, with a cosine of -");
        }
    }

    [Theory]
    [InlineData("constant")]
    [InlineData("cut off")]
    [InlineData("none")]
    public void Idle_inputs(string cause)
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Tabular(4)).Input("b", Inputs.Tabular(4)).Base(Bases.ConvNet(4, 8)).Task("a", Heads.Classification(2))
            .Task("b", Heads.Classification(2)).Build(CPU, seed: 1);
        var b = Normal(60, 4);
        if (cause == "constant")
            b[..] = b[0].clone();
        if (cause == "cut off")
        {
            using var noGrad = no_grad();
            foreach (var parameter in model.Head("b").parameters())
                parameter.zero_();
        }

        var labels = arange(60, ScalarType.Int64) % 2;
        var advice = Of(AdviceKind.IdleInput, Insight.Advise(model, [new TensorSource("a", Normal(60, 4), labels), new TensorSource("b", b, labels)]));
        advice.Select(its => its.Subject).Should().Equal(cause == "none" ? [] : ["input 'b'"]);
    }

    [Theory]
    [InlineData(0.3, 0.2, 0.1, 0.5, 0.6, 0.8, null, true)]
    [InlineData(0.3, 0.2, 0.1, 0.5, 0.4, 0.41, null, false)] // still good
    [InlineData(0.3, 0.4, 0.5, 0.5, 0.6, 0.8, null, false)] // training gets worse, too
    [InlineData(0.3, 0.2, 0.1, 0.5, 0.6, 0.8, 1, false)] // the best weights were taken
    public void Over_trained_tasks(double t1, double t2, double t3, double v1, double v2, double v3, int? best, bool fires)
    {
        using var model = SharingProblem.BuildTwins();
        var history = new TrainingHistory { Epochs = [Epoch(1, t1, v1), Epoch(2, t2, v2), Epoch(3, t3, v3)], BestEpoch = best };
        var advice = Of(AdviceKind.Overtrained, Insight.Advise(model, [SharingProblem.Twins(false)], history));
        advice.Should().HaveCount(fires ? 1 : 0);
        if (fires)
            advice[0].Numbers.Should().Contain("best_epoch", 1).And.Contain("validation", 0.8);
    }

    [Theory]
    [InlineData(0.0, 1.0, 0.5, 0.25, true)]
    [InlineData(0.5, 0.25, 0.5, 0.25, false)] // raw values, as described
    [InlineData(0.0, 1.0, 0.0, 1.0, false)] // a standardisation that does nothing
    public void Doubled_normalisation_of_samples(double mean, double deviation, double described, double describedDeviation, bool fires)
    {
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(2, 8, 8) with { Mean = [described, described], StandardDeviation = [describedDeviation, describedDeviation] })
            .Base(Bases.ConvNet(4, 8)).Task("a", Heads.Classification(2)).Build(CPU, seed: 1);
        var source = new TensorSource("a", randn([60, 2, 8, 8], generator: generator) * deviation + mean, arange(60, ScalarType.Int64) % 2);
        var advice = Insight.Advise(model, [source]);
        Of(AdviceKind.DoubledNormalization, advice).Should().HaveCount(fires ? 1 : 0);
        Of(AdviceKind.Data, advice).Should().BeEmpty();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Doubled_normalisation_of_a_base(bool normalizes, bool standardized)
    {
        var spec = Inputs.Image(3, 8, 8);
        using var model = MultiInputModel.Define()
            .Input("a", standardized ? spec with { Mean = [0.5, 0.5, 0.5], StandardDeviation = [0.2, 0.2, 0.2] } : spec, Projections.Identity())
            .Base(Bases.From("own", 3, () => normalizes ? nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3L)) : nn.Sequential(nn.Conv2d(3, 4, 3L), nn.BatchNorm2d(4))))
            .Task("a", Heads.Classification(2)).Build(CPU, seed: 1);
        var source = new TensorSource("a", randn([60, 3, 8, 8], generator: generator) * 0.2 + 0.5, arange(60, ScalarType.Int64) % 2);
        Of(AdviceKind.DoubledNormalization, Insight.Advise(model, [source])).Should().HaveCount(normalizes && standardized ? 1 : 0);
    }

    [Theory]
    [InlineData("pixels", true)]
    [InlineData("standardised", false)]
    [InlineData("scaled", false)]
    [InlineData("fractions", false)]
    public void Raw_pixels(string what, bool fires)
    {
        var pixels = (rand([60, 1, 8, 8], generator: generator) * 255).floor();
        var x = what switch { "scaled" => pixels / 255, "fractions" => pixels + 0.5, _ => pixels };
        var spec = Inputs.Image(1, 8, 8);
        using var model = MultiInputModel.Define().Input("a", what == "standardised" ? spec.StandardizedBy(x) : spec).Base(Bases.ConvNet(4, 8)).Task("a", Heads.Classification(2)).Build(CPU, seed: 1);
        var advice = Insight.Advise(model, [new TensorSource("a", x, arange(60, ScalarType.Int64) % 2)]);
        Of(AdviceKind.RawPixels, advice).Should().HaveCount(fires ? 1 : 0);

        // What a training says of large values is said once.
        Of(AdviceKind.Data, advice).Should().HaveCount(what == "fractions" ? 1 : 0);
    }

    [Theory]
    [InlineData("rows", true)]
    [InlineData("category of its own", true)]
    [InlineData("reals", false)]
    [InlineData("counts", false)]
    [InlineData("spread", false)]
    [InlineData("category", false)]
    public void Nearly_unique_columns(string what, bool fires)
    {
        var rows = arange(100, ScalarType.Float64);
        var column = what switch
        {
            "reals" => randn([100], ScalarType.Float64, generator: generator),
            "counts" => (rows % 7).floor(),
            "spread" => rows * 37,
            "category" => rows % 5 + 1,
            "category of its own" => rows + 1,
            _ => rows + 1000,
        };
        var columns = new TabularColumn[]
        {
            new NumericColumn("x"),
            what.StartsWith("category", StringComparison.Ordinal) ? new CategoricalColumn("c", [.. Enumerable.Range(0, 100).Select(i => $"name {i}")]) : new NumericColumn("c"),
        };
        using var model = MultiInputModel.Define().Input("a", Inputs.Tabular(2) with { Columns = columns }).Base(Bases.ConvNet(4, 8)).Task("a", Heads.Classification(2)).Build(CPU, seed: 1);
        var source = new TensorSource("a", stack([randn([100], ScalarType.Float64, generator: generator), column], 1), arange(100, ScalarType.Int64) % 2);
        var advice = Of(AdviceKind.NearlyUniqueColumn, Insight.Advise(model, [source]));
        advice.Select(its => its.Subject).Should().Equal(fires ? ["input 'a', column 'c'"] : []);
    }

    [Theory]
    [InlineData(13, true, true)]
    [InlineData(10, true, false)] // digits
    [InlineData(13, false, false)]
    public void Classes_that_are_numbers(int count, bool inOrder, bool fires)
    {
        var names = Enumerable.Range(1990, count).Select(year => $"{(inOrder ? year : (year * 7) % 13)}").ToArray();
        using var model = MultiInputModel.Define().Input("a", Inputs.Tabular(4)).Base(Bases.ConvNet(4, 8)).Task("a", Heads.Classification(count) with { ClassNames = names }).Build(CPU, seed: 1);
        Of(AdviceKind.NumericClasses, Insight.Advise(model, [new TensorSource("a", Normal(60, 4), arange(60, ScalarType.Int64) % count)])).Should().HaveCount(fires ? 1 : 0);
    }

    [Theory]
    [InlineData(0.7, 0.9, false, true)]
    [InlineData(0.89, 0.9, false, false)] // within noise
    [InlineData(0.95, 0.9, false, false)] // better together
    [InlineData(0.7, 0.9, true, false)] // the labels oppose each other, which is another cause
    public void A_small_base_by_tasks_alone(double joint, double alone, bool opposed, bool fires)
    {
        using var model = SharingProblem.BuildTwins();
        using (no_grad())
            model.CopyHead("a", "b");
        var comparison = new JointComparison { Task = "a", Runs = [new() { Seed = 0, Joint = Evaluation(joint), Alone = Evaluation(alone), AloneTraining = new() { Epochs = [] } }] };
        Of(AdviceKind.SmallBase, Insight.Advise(model, [SharingProblem.Twins(opposed)], comparison: [comparison])).Should().HaveCount(fires ? 1 : 0);
    }

    [Theory]
    [InlineData(0.65, 0.64, 0.66, true)]
    [InlineData(0.65, 0.5, 0.6, false)] // it still learns
    [InlineData(0.2, 0.2, 0.9, false)] // trained well
    public void A_small_base_by_its_losses(double middle, double last, double validation, bool fires)
    {
        using var model = SharingProblem.BuildTwins(tasks: ["a"]);
        var twins = SharingProblem.Twins(false);
        var source = new TensorSource("twins", twins.Inputs, new Dictionary<string, Tensor> { ["a"] = twins.Targets["a"] });
        var history = new TrainingHistory { Epochs = [.. Enumerable.Range(1, 12).Select(i => Epoch(i, i < 12 ? middle : last, validation))] };
        Of(AdviceKind.SmallBase, Insight.Advise(model, [source], history)).Should().HaveCount(fires ? 1 : 0);
        Of(AdviceKind.SmallBase, Insight.Advise(model, [source], new() { Epochs = [.. history.Epochs.Take(3)] })).Should().BeEmpty();
    }

    [Fact]
    public void What_a_training_notices_is_passed_on()
    {
        using var model = SharingProblem.BuildTwins();
        var source = SharingProblem.Twins(false);
        var history = new TrainingHistory { Epochs = [], Warnings = ["Task 'a': 2 of its classes have a single training sample: 'x'. Add samples, or remove the classes."] };
        var advice = Of(AdviceKind.Data, Insight.Advise(model, [source], history)).Should().ContainSingle().Subject;
        (advice.Subject, advice.Measured, advice.ToDo).Should().Be(("Task 'a'", "2 of its classes have a single training sample: 'x'.", "Add samples, or remove the classes."));
        advice.ToString().Should().Be(history.Warnings[0]);
        Insight.Advise(model, [source]).Should().BeEmpty();
    }

    [Fact]
    public void It_does_not_depend_on_the_culture_and_leaves_nothing()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var trace = new ModelTrace(model);
        var warnings = model.Warnings;
        string[] Texts() => [.. Insight.Advise(model, sources).Select(advice => advice.ToString())];
        var expected = Texts();
        trace.ShouldBeUnchanged();
        model.Warnings.Should().BeSameAs(warnings);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var culture = System.Globalization.CultureInfo.CurrentCulture;
        var other = (System.Globalization.CultureInfo)culture.Clone();
        (other.NumberFormat.NumberDecimalSeparator, other.NumberFormat.PercentSymbol) = (",", "!");
        System.Globalization.CultureInfo.CurrentCulture = other;
        try
        {
            Texts().Should().Equal(expected);
        }
        finally
        {
            System.Globalization.CultureInfo.CurrentCulture = culture;
        }

        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
        FluentActions.Invoking(() => Insight.Advise(model, [])).Should().Throw<ArgumentException>().WithMessage("There is no source*");
        FluentActions.Invoking(() => Insight.Advise(model, sources, cancellationToken: new(true))).Should().Throw<OperationCanceledException>();
    }

    private static Advice[] Of(AdviceKind kind, IReadOnlyList<Advice> advice) => [.. advice.Where(its => its.Kind == kind)];

    private static TaskEvaluation Evaluation(double score, double loss = 1) => new()
    {
        Loss = loss, Metrics = new Dictionary<string, double> { ["accuracy"] = score }, Primary = "accuracy", HigherIsBetter = true, Count = 500, Score = score,
    };

    private static EpochResult Epoch(int number, double training, double validation) => new()
    {
        Epoch = number, Phase = 1, Step = number, LearningRate = 1, Losses = new Dictionary<string, double> { ["a"] = training }, EpochsSeen = new Dictionary<string, double>(),
        Validation = new Dictionary<string, TaskEvaluation> { ["a"] = Evaluation(0.5, validation) },
    };

    private Tensor Normal(int count, int features) => randn([count, features], generator: generator);
}
