using System.Xml.Linq;
using MultiInputNet.Training;

namespace MultiInputNet.Insights.Tests;

public sealed class ChartsTests
{
    [Fact]
    public void Training_curves_are_a_picture_of_its_own()
    {
        var chart = Insight.TrainingCurves(History());
        var picture = XDocument.Parse(chart.ToString());

        picture.Root!.Name.LocalName.Should().Be("svg");
        Texts(picture).Should().Contain(["loss (dashed: validation)", "accuracy (dashed: validation)", "learning rate", "effective epochs: times seen", "epoch", "a & <b>", "c"]);
        picture.Descendants().Where(element => element.Name.LocalName == "image" || element.Attributes().Any(attribute => attribute.Name.LocalName == "href")).Should().BeEmpty();
        chart.ToString().Should().NotContain("rgb(1,2,").And.NotContain("black").And.NotContain("NaN").And.Contain("prefers-color-scheme:dark");
        Insight.TrainingCurves(History()).ToString().Should().Be(chart.ToString());
        var narrow = Insight.TrainingCurves(History(), columns: 1);
        (narrow.Width * 2, narrow.Height).Should().Be((chart.Width, chart.Height * 2));
    }

    [Fact]
    public void A_curve_falls_where_its_values_fall()
    {
        var curve = Curves(Insight.LearningRateChart([(1e-4, 3), (1e-3, 2), (1e-2, 1)])).Single();

        curve.Select(point => point.Y).Should().BeInAscendingOrder("the vertical coordinate of SVG grows downwards");
        (curve[1].X - curve[0].X).Should().BeApproximately(curve[2].X - curve[1].X, 0.3, "rates are shown by powers of ten");
    }

    [Fact]
    public void A_suggested_rate_is_marked_where_it_is()
    {
        var unmarked = Curves(Insight.LearningRateChart([(1e-4, 3), (1e-2, 1)]));
        var marked = Curves(Insight.LearningRateChart([(1e-4, 3), (1e-2, 1)], suggested: 1e-3));

        marked.Should().HaveCount(unmarked.Count);
        var mark = XDocument.Parse(Insight.LearningRateChart([(1e-4, 3), (1e-2, 1)], suggested: 1e-3).ToString()).Descendants().Single(element => element.Attribute("style")?.Value.Contains("dash", StringComparison.Ordinal) == true);
        Points(mark)[0].X.Should().BeApproximately((marked[0][0].X + marked[0][1].X) / 2, 0.5);
    }

    [Fact]
    public void Values_that_are_not_finite_are_left_out()
    {
        Curves(Insight.LearningRateChart([(1e-4, 3), (1e-3, double.NaN), (1e-2, double.PositiveInfinity), (0, 1), (1e-1, 2)])).Single().Should().HaveCount(2);
        ((Action)(() => Insight.LearningRateChart([(0, 1), (1, double.NaN)]))).Should().Throw<ArgumentException>().WithMessage("No point has a learning rate*");
        ((Action)(() => Insight.TrainingCurves(new TrainingHistory { Epochs = [] }))).Should().Throw<ArgumentException>().WithMessage("The history has no epochs*");
        ((Action)(() => Insight.TrainingCurves(History(), columns: 0))).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => Insight.TrainingCurves(new TrainingRecord()))).Should().Throw<ArgumentException>().WithMessage("No step*");
    }

    [Fact]
    public void A_record_keeps_some_steps_of_a_long_training_all_epochs_and_passes_on_all()
    {
        var told = 0;
        var record = new TrainingRecord(new Told(_ => told++));
        for (var step = 1; step <= 10_000; step++)
            record.Report(Step(step, 10_000));

        told.Should().Be(10_000);
        record.Steps.Count.Should().BeInRange(512, 1024);
        record.Steps.Zip(record.Steps.Skip(1), (one, next) => next.Step - one.Step).Distinct().Should().ContainSingle("they are evenly spaced");
        record.Steps[0].Step.Should().Be(1);
        record.Epochs.Should().HaveCount(10);
        record.Warnings.Should().Equal("careful");
        record.Latest!.Step.Should().Be(10_000);
        Texts(XDocument.Parse(Insight.TrainingCurves(record).ToString())).Should().Contain("accuracy (dashed: validation)").And.Contain("loss (dashed: validation)");
    }

    [Fact]
    public void A_chart_is_saved_whole()
    {
        var folder = Directory.CreateTempSubdirectory();
        var path = Path.Combine(folder.FullName, "curves.svg");
        Insight.TrainingCurves(History()).Save(path);

        XDocument.Load(path).Root!.Name.LocalName.Should().Be("svg");
        folder.GetFiles().Should().ContainSingle();
        folder.Delete(recursive: true);
    }

    private static TrainingProgress Step(long step, long steps) => new()
    {
        Step = step, Steps = steps, Epoch = (int)((step - 1) / 1000) + 1, Epochs = (int)(steps / 1000), Phase = 1, Phases = 1, LearningRate = 0.1, Remaining = TimeSpan.Zero,
        Losses = new Dictionary<string, double> { ["a"] = 1.0 / step }, Metrics = new Dictionary<string, double> { ["a"] = 0.5 }, MetricNames = new Dictionary<string, string> { ["a"] = "accuracy" },
        EpochsSeen = new Dictionary<string, double> { ["s"] = step / 100.0 }, Warnings = step == 7 ? ["careful"] : [],
        EpochResult = step % 1000 == 0 ? Epoch((int)(step / 1000), 1, 0.5) : null,
    };

    private static TrainingHistory History() => new() { Epochs = [Epoch(1, 1, 2), Epoch(2, 1, double.NaN), Epoch(3, 2, 0.5)] };

    private static EpochResult Epoch(int epoch, int phase, double loss) => new()
    {
        Epoch = epoch, Phase = phase, Step = 10 * epoch, LearningRate = 0.1 / epoch,
        Losses = new Dictionary<string, double> { ["a & <b>"] = loss, ["c"] = 1 },
        EpochsSeen = new Dictionary<string, double> { ["s"] = epoch },
        Validation = new Dictionary<string, TaskEvaluation>
        {
            ["a & <b>"] = new() { Loss = loss, Metrics = new Dictionary<string, double> { ["accuracy"] = 0.5 + 0.1 * epoch }, Primary = "accuracy", HigherIsBetter = true, Count = 3 },
        },
    };

    private static IEnumerable<string> Texts(XDocument picture) => picture.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value);

    /// <summary>The lines of the first series.</summary>
    private static IReadOnlyList<(double X, double Y)[]> Curves(SvgChart chart) =>
        [.. XDocument.Parse(chart.ToString()).Descendants().Where(element => element.Name.LocalName == "polyline" && (string?)element.Attribute("class") == "s0").Select(Points).Where(points => points.Length > 1)];

    private static (double X, double Y)[] Points(XElement line) => [.. ((string)line.Attribute("points")!).Split(' ').Select(point => point.Split(',')).Select(point => (double.Parse(point[0], System.Globalization.CultureInfo.InvariantCulture), double.Parse(point[1], System.Globalization.CultureInfo.InvariantCulture)))];

    private sealed class Told(Action<TrainingProgress> tell) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => tell(value);
    }
}
