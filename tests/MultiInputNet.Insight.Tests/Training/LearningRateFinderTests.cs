using MultiInputNet.Data;
using MultiInputNet.Insights.Tests.Sharing;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Training;

/// <summary>The search for a learning rate.</summary>
public sealed class LearningRateFinderTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    public void The_model_is_as_before(ScalarType type)
    {
        using var model = SharingProblem.Build(type);
        var sources = SharingProblem.Sources();
        model.Freeze(Parts.BaseStages("stages.0"));
        model.train();
        model.Head("image").eval();
        model.forward(new Dictionary<string, Tensor> { ["table"] = sources[1].Inputs["table"].to(type) })["table"].sum().backward();
        var (trace, warnings) = (new ModelTrace(model), model.Warnings);

        var curve = new LearningRateFinder(model, new() { Phases = [new(3, Parts.All), new(1, Parts.Heads())], WeightAverageDecay = 0.9 }) { Steps = 30 }.Find(sources);
        trace.ShouldBeUnchanged();
        model.Warnings.Should().BeSameAs(warnings);
        curve.Points.Should().HaveCountGreaterThan(10);
        curve.Points[0].Rate.Should().BeApproximately(1e-7, 1e-12);

        // It did train: the loss is another one at the end than at the beginning.
        curve.Points.Max(point => point.Loss).Should().BeGreaterThan(curve.Points.Min(point => point.Loss) * 1.2);
    }

    [Fact]
    public void The_model_is_as_before_after_cancellation_and_failure()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var trace = new ModelTrace(model);
        using var cancelling = new CancellationTokenSource();
        var finder = new LearningRateFinder(model) { Steps = 20 };
        FluentActions.Invoking(() => finder.Find(sources, new Doing<LearningRatePoint>(_ => cancelling.Cancel()), cancelling.Token)).Should().Throw<OperationCanceledException>();
        trace.ShouldBeUnchanged();
        FluentActions.Invoking(() => finder.Find(sources, new Doing<LearningRatePoint>(_ => throw new InvalidOperationException("no")))).Should().Throw<InvalidOperationException>();
        trace.ShouldBeUnchanged();
        var broken = new TensorSource("table", full(20, 5, double.NaN, ScalarType.Float32), zeros(20, 1));
        FluentActions.Invoking(() => finder.Find([broken])).Should().Throw<MultiInputException>();
        trace.ShouldBeUnchanged();
    }

    [Fact]
    public void A_quadratic_problem_diverges_where_theory_says()
    {
        // Only the head is trained: a regression by least squares of fixed features, whose steps follow from its Hessian.
        using var model = MultiInputModel.Define().Input("x", Inputs.Tabular(6)).Base(Bases.ConvNet(4, 6)).Task("x", Heads.Regression(1), fusion: Fusions.GlobalAverage()).Build(CPU, seed: 2);
        model.to(ScalarType.Float64);
        using var generator = new Generator(1);
        var x = randn([40, 6], ScalarType.Float64, generator: generator);
        var y = x[.., ..1] - x[.., 1..2] * 2 + randn([40, 1], ScalarType.Float64, generator: generator);
        var options = new TrainerOptions
        {
            Phases = [new(1, Parts.Heads())],
            Optimizer = Optimizers.Sgd(momentum: 0),
            WeightDecay = 0,
            GradientClip = double.PositiveInfinity,
            BatchSize = 40,
        };
        var curve = new LearningRateFinder(model, options) { Lowest = 1e-3, Highest = 100, Steps = 200 }.Find([new TensorSource("x", x, y)]);

        model.eval();
        var features = model.forward_features(new Dictionary<string, Tensor> { ["x"] = x })["x"].mean([2, 3]).detach();
        var columns = cat([features, ones(40, 1, ScalarType.Float64)], 1);
        var target = (y - y.mean()) / y.std(unbiased: false);
        var largest = linalg.eigvalsh(columns.t().mm(columns) * 2 / 40).max().ToDouble();
        var weights = cat([.. model.Head("x").parameters().Select(parameter => parameter.detach().flatten())], 0).unsqueeze(1);
        var losses = new List<double>();
        foreach (var point in curve.Points)
        {
            var error = columns.mm(weights) - target;
            losses.Add(error.square().mean().ToDouble());
            weights = weights - point.Rate * 2 / 40 * columns.t().mm(error);
        }

        // A head gives its loss in single precision. Beyond 2 / λ, what grows began as rounding.
        foreach (var (i, (point, expected)) in curve.Points.Zip(losses).Where(pair => pair.First.Rate <= 2 / largest).Index())
            point.Loss.Should().BeApproximately(expected, 1.2e-7 * Math.Max(1, expected), $"at step {i}");
        curve.Diverged.Should().BeTrue();
        for (var i = 1; i < curve.Points.Count; i++)
        {
            if (curve.Points[i - 1].Rate <= 2 / largest)
                curve.Points[i].Loss.Should().BeLessThanOrEqualTo(curve.Points[i - 1].Loss * (1 + 1e-12), "below 2 / λ a step never raises the loss");
        }

        curve.Points[^1].Rate.Should().BeInRange(2 / largest, 2 / largest * 10);
        curve.Valley.Should().BeLessThan(2 / largest);
    }

    [Fact]
    public void Suggestions_are_those_of_fastai()
    {
        var fixture = SharingProblem.Fixture();
        double[] Numbers(string name) => [.. fixture.GetProperty(name).EnumerateArray().Select(number => number.GetDouble())];
        var curve = LearningRateCurve.Of([.. Numbers("rates").Zip(Numbers("losses"), (rate, loss) => new LearningRatePoint { Rate = rate, Loss = loss, SmoothedLoss = loss })], diverged: false);

        curve.Valley.Should().BeApproximately(fixture.Number("valley"), 1e-12);
        curve.Steepest.Should().BeApproximately(fixture.Number("steepest"), 1e-12);
        curve.MinimumTenth.Should().BeApproximately(fixture.Number("minimum_tenth"), 1e-12);
    }

    [Fact]
    public void Losses_that_never_fall_suggest_nothing()
    {
        var curve = LearningRateCurve.Of([.. Enumerable.Range(1, 30).Select(i => new LearningRatePoint { Rate = i, Loss = i, SmoothedLoss = i })], diverged: true);
        (curve.Valley, curve.Steepest, curve.MinimumTenth).Should().Be((null, null, null));
        LearningRateCurve.Of([], diverged: true).Valley.Should().BeNull();
    }

    [Fact]
    public void Nothing_stays_in_memory()
    {
        using var model = SharingProblem.Build();
        var sources = SharingProblem.Sources();
        var finder = new LearningRateFinder(model) { Steps = 10 };
        finder.Find(sources);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 3; i++)
            finder.Find(sources);
        DisposeScopeManager.Statistics.ThreadTotalLiveCount.Should().Be(before);
    }

    [Fact]
    public void Mistakes_are_named()
    {
        using var model = SharingProblem.Build();
        FluentActions.Invoking(() => new LearningRateFinder(null!)).Should().Throw<ArgumentNullException>();
        FluentActions.Invoking(() => new LearningRateFinder(model) { Steps = 9 }).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new LearningRateFinder(model) { Highest = 101 }).Should().Throw<ArgumentOutOfRangeException>();
        FluentActions.Invoking(() => new LearningRateFinder(model) { Lowest = 1, Highest = 0.5 }.Find(SharingProblem.Sources())).Should().Throw<ArgumentException>().WithMessage("The lowest rate is 1*");
        FluentActions.Invoking(() => new LearningRateFinder(model).Find([])).Should().Throw<MultiInputException>();
    }
}
