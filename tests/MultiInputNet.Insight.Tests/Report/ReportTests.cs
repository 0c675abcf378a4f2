using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

public sealed class ReportTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void The_same_model_and_data_give_the_same_file_in_any_culture()
    {
        using var model = ReportedModel.Build();
        var samples = ReportedModel.Samples();
        var first = Write(model, samples);
        manual_seed(77);
        var before = CultureInfo.CurrentCulture;
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NumberGroupSeparator, culture.NumberFormat.NegativeSign) = (",", "'", "~");
        try
        {
            CultureInfo.CurrentCulture = culture;
            (Write(model, samples) == first).Should().BeTrue();
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        Regex.IsMatch(Regex.Replace(first, "base64,[^\"]*", ""), "NaN|Infinity").Should().BeFalse();
    }

    [Fact]
    public void The_model_is_as_before_also_after_a_failure()
    {
        using var scope = NewDisposeScope();
        using var model = ReportedModel.Build();
        model.train();
        model.Freeze(Parts.Projections("signal"));
        model.Head("kind").eval(); // one part in another mode than the rest
        foreach (var parameter in model.parameters().Where(parameter => parameter.requires_grad).Take(3))
            parameter.grad = ones_like(parameter);
        var trace = new ModelTrace(model);

        Write(model, ReportedModel.Samples());
        trace.ShouldBeUnchanged();
        var failing = () => Write(model, [.. ReportedModel.Samples(), new Failing()]);
        failing.Should().Throw<MultiInputException>().WithMessage("*broken on purpose*");
        trace.ShouldBeUnchanged();
    }

    [Fact]
    public void What_is_not_given_is_named_with_the_way_to_get_it()
    {
        using var model = ReportedModel.Build();
        var unlabelled = new TensorSource("photos", new Dictionary<string, Tensor> { ["photo"] = rand(3, 3, 16, 16) }, new Dictionary<string, Tensor>());

        var html = Write(model, [unlabelled]);

        html.Should().Contain("new ReportOptions { History = history }").And.Contain("None of the samples has a label");
        Write(model, [ReportedModel.Samples()[0]]).Should().Contain("No source has labels of this task");
    }

    [Theory]
    [InlineData("kind")]
    [InlineData(null)]
    public void Labels_may_all_be_missing(string? task)
    {
        using var scope = NewDisposeScope();
        using var model = ReportedModel.Build();
        DataSource[] samples = [.. ReportedModel.Samples()];
        foreach (var source in samples)
        {
            foreach (var (_, labels) in source.Targets.Where(target => task is null || target.Key == task))
                labels.fill_(labels.is_floating_point() ? double.NaN : -1);
        }

        var page = Write(model, samples);

        page.Should().Contain("Gradients of the tasks on the base");
        page.Contains("pass sources with labels of the tasks", StringComparison.Ordinal).Should().Be(task is null);
    }

    [Fact]
    public void Results_are_those_of_the_evaluation()
    {
        using var model = ReportedModel.Build();
        var samples = ReportedModel.Samples();
        var expected = new Trainer(model).Evaluate(samples, new() { KeepPredictions = true });

        var html = Write(model, samples);

        foreach (var (task, evaluation) in expected)
        {
            var article = Regex.Match(html, $"<article class=\"task\"><h3><bdi>{task}</bdi></h3>.*?</article>", RegexOptions.Singleline).Value;
            article.Should().Contain(FormattableString.Invariant($"<dt>samples</dt><dd>{evaluation.Count}</dd>"));
            foreach (var its in evaluation.Classes)
                article.Should().Contain(FormattableString.Invariant($"<bdi>{its.Name}</bdi></th><td class=\"number\">{its.Support}</td><td class=\"number\">{(double.IsNaN(its.Precision) ? "–" : $"{its.Precision:0.000}")}</td>"));
            foreach (var its in evaluation.Outputs)
                article.Should().Contain(FormattableString.Invariant($"<td class=\"number\">{its.Mae:G4}</td><td class=\"number\">{its.Rmse:G4}</td>"));
            if (evaluation.Calibration is { } calibration)
                article.Should().Contain(FormattableString.Invariant($"Expected calibration error {calibration.Error:0.0000}"));
            foreach (var cell in evaluation.Confusions)
                article.Should().Contain(FormattableString.Invariant($">{cell.Count}</td>"));
        }

        // The worst mistake of a class is the wrong answer with the highest probability, of a value the largest error.
        var worst = expected["topic"].Predictions.Where(sample => (int)sample.Label[0] != sample.Prediction.ClassIndex).MaxBy(sample => sample.Prediction.Probability)!;
        html.Should().MatchRegex($"""<b><bdi>{worst.Prediction.ClassName}</bdi></b> {100 * worst.Prediction.Probability:0.0} %, is [^\n]*?<bdi>{worst.Name}</bdi>""");
        var farthest = expected["price"].Predictions.SelectMany(sample => sample.Label.Zip(sample.Prediction.Values)).Where(pair => !double.IsNaN(pair.First)).MaxBy(pair => Math.Abs(pair.First - pair.Second));
        Regex.Match(html, "The largest errors.*?<b>([^<]*)</b>, is ([0-9.]*)", RegexOptions.Singleline).Groups.Values.Skip(1).Select(group => group.Value)
            .Should().Equal(farthest.Second.ToString("G5", CultureInfo.InvariantCulture), farthest.First.ToString("G5", CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Parts_add_up_to_the_model()
    {
        using var model = ReportedModel.Build();
        var parts = PartSize.Of(model);

        parts.Sum(part => part.Parameters).Should().Be(model.parameters().Sum(parameter => parameter.numel()));
        model.Freeze(Parts.Base);
        Write(model, ReportedModel.Samples()).Should().Contain("❄ frozen").And.Contain("<td>frozen</td>");
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_named_and_nothing_is_left()
    {
        using var model = ReportedModel.Build();
        var samples = ReportedModel.Samples(8);
        var there = Path.Combine(folder.FullName, "there.html");
        File.WriteAllText(there, "before");

        Mistake(Path.Combine(folder.FullName, "missing", "report.html")).Should().Contain("there is no folder");
        Mistake(folder.FullName).Should().Contain("it is a folder");
        Mistake("/proc/report.html").Should().Contain("/proc/report.html");
        File.ReadAllText(there).Should().Be("before");
        folder.GetFileSystemInfos().Should().ContainSingle();
        Insight.Report(model, samples[0], there);
        File.ReadAllText(there).Should().StartWith("<!DOCTYPE html>");

        string Mistake(string path) => ((Action)(() => Insight.Report(model, samples, path))).Should().Throw<MultiInputException>().Which.Message;
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        using var model = ReportedModel.Build();
        var samples = ReportedModel.Samples(8);
        using var stream = new MemoryStream();
        void Report(IReadOnlyList<DataSource> data, ReportOptions? options = null) => Insight.Report(model, data, stream, options);

        ((Action)(() => Report([]))).Should().Throw<ArgumentException>().WithMessage("There is no source*");
        ((Action)(() => Report([new TensorSource("x", rand(2, 3))]))).Should().Throw<MultiInputException>().WithMessage("*the model has no such input*");
        ((Action)(() => Report(samples, Composite("bands", "0", "1", "4")))).Should().Throw<ArgumentException>().WithMessage("*input 'bands' names band '4', which it does not have; its bands are '0', '1', '2', '3'*");
        ((Action)(() => Report(samples, Composite("signal", "0", "1", "1")))).Should().Throw<ArgumentException>().WithMessage("*not an image input*'photo', 'bands'*");
        ((Action)(() => Composite("bands", "0", "1"))).Should().Throw<ArgumentException>().WithMessage("*'bands' does not have three bands*");
        ((Action)(() => _ = new ReportOptions { Mistakes = -1 })).Should().Throw<ArgumentOutOfRangeException>();
        ((Action)(() => _ = new ReportOptions { Title = " " })).Should().Throw<ArgumentException>();
        stream.Length.Should().Be(0);
        Report(samples, Composite("bands", "3", "2", "1") with { Date = new(2026, 1, 2, 3, 4, 0, TimeSpan.Zero) });
        Encoding.UTF8.GetString(stream.ToArray()).Should().Contain("2026-01-02 03:04 +00:00").And.Contain("bands 3, 2 and 1 as red, green and blue");
    }

    [Fact]
    public void Bands_that_have_names_are_chosen_by_them()
    {
        using var model = MultiInputModel.Define()
            .Input("field", Inputs.Image(4, 16, 16), Projections.BandStem("red", "nir", "green", "blue"))
            .Base(Bases.ConvNet(4, 8)).Task("field", Heads.Classification(2)).Build(CPU, seed: 1);
        using var scope = NewDisposeScope();
        var x = rand(8, 4, 16, 16);
        x[.., 1] = x[.., 1] * 900;
        TensorSource[] samples = [new("fields", new Dictionary<string, Tensor> { ["field"] = x }, new Dictionary<string, Tensor>())];

        var html = Write(model, samples, Composite("field", "nir", "red", "2"));
        html.Should().Contain("bands nir, red and green as red, green and blue").And.Contain("<th>band of field</th>").And.Contain("<bdi>nir</bdi>");
        ((Action)(() => Write(model, samples, Composite("field", "nir", "swir", "red")))).Should().Throw<ArgumentException>()
            .WithMessage("The composite of input 'field' names band 'swir', which it does not have; its bands are 'red', 'nir', 'green', 'blue'.");

        // Each band is stretched on its own, and stands where it was asked for.
        var scale = ImageScale.Find(["red", "nir", "green", "blue"], [1, 0, 2], [x]);
        using var picture = scale.Picture(x[0]);
        picture.shape.Should().Equal(3, 16, 16);
        var nir = x[.., 1];
        var expected = (x[0, 1] - nir.min()) / (nir.max() - nir.min());
        (picture[0] - expected).abs().max().ToDouble().Should().BeLessThan(1e-5);
    }

    [Fact]
    public void A_head_without_a_loss_is_named_and_the_rest_is_shown()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(1, 8, 8)).Input("row", Inputs.Tabular(3))
            .Base(Bases.ConvNet(4, 8))
            .Task("photo", Heads.From("own", features => nn.Sequential(nn.Linear(features, 3))))
            .Task("row", Heads.Classification(2))
            .Build(CPU, seed: 1);
        var labels = arange(20, ScalarType.Int64) % 2;
        TensorSource photos = new("photos", new Dictionary<string, Tensor> { ["photo"] = rand(20, 1, 8, 8) }, new Dictionary<string, Tensor> { ["photo"] = labels });
        TensorSource rows = new("rows", new Dictionary<string, Tensor> { ["row"] = rand(20, 3) }, new Dictionary<string, Tensor> { ["row"] = labels });

        foreach (var html in new[] { Write(model, [photos]), Write(model, [photos, rows]) })
        {
            html.Should().Contain("Its head is a <code>Sequential</code>, which has neither a loss nor metrics; derive it from <code>TaskHead</code>");
            html.Should().Contain("Of its outputs, number 0 is explained.").And.Contain("integrated gradients of photo");
        }

        Write(model, [photos, rows]).Should().Contain("Precision and recall").And.Contain("Without photo, whose heads have no loss.");
    }

    [Fact]
    public void Comparisons_and_gradients_are_shown_when_they_are_given()
    {
        using var model = ReportedModel.Build();
        var samples = ReportedModel.Samples();
        var evaluation = new Trainer(model).Evaluate(samples);
        var comparison = new JointComparison
        {
            Task = "kind",
            Runs = [Run(0, "phase"), Run(1, "topic")],
        };
        JointRun Run(long seed, string alone) => new() { Seed = seed, Joint = evaluation["kind"], Alone = evaluation[alone], AloneTraining = new() { Epochs = [] } };
        var record = new TrainingRecord(model, samples) { EverySteps = 4 };
        new Trainer(model, new() { Epochs = 2, StepsPerEpoch = 4, LearningRate = 1e-9 }).Fit(samples, progress: record);

        var without = Write(model, samples);
        var html = Write(model, samples, new() { Comparison = [comparison], Record = record });

        without.Should().Contain("No comparison was given.").And.Contain("They were not measured.");
        html.Should().NotContain("No comparison was given.").And.NotContain("They were not measured.");
        html.Should().Contain("Gradient norms over the training").And.Contain("Cosines of gradients over the training");
        html.Should().Contain(FormattableString.Invariant($"<td class=\"number\">{comparison.Gain:+0.0000;-0.0000;0} ± {comparison.StandardError:0.0000}</td><td class=\"number\">2</td>"));
    }

    [Fact]
    public void Attention_is_shown_where_it_looks()
    {
        using var scope = NewDisposeScope();
        using var model = ReportedModel.Build();
        var samples = ReportedModel.Samples();
        string Article(string html, string task) => Regex.Matches(html, $"<article class=\"task\"><h3><bdi>{task}</bdi></h3>.*?</article>", RegexOptions.Singleline)[^1].Value;

        var html = Write(model, samples, new() { Examples = 3 });

        foreach (var (task, what) in new[] { ("kind", "the base&#39;s last layer to photo"), ("kind", "the fusion to photo"), ("phase", "the fusion to signal"), ("joint", "the fusion to bands") })
            Regex.Count(Article(html, task), $"alt=\"attention of {what}\"").Should().Be(3, task);
        Regex.Count(Article(html, "topic"), "attention of the fusion</p><p class=\"tokens\">").Should().Be(3);
        Regex.Count(Article(html, "joint"), "attention of the fusion: bands [0-9]+ %, record [0-9]+ %").Should().Be(3);
        Article(html, "price").Should().NotContain("ttention");

        // Its numbers are those of the method: what each position of the fusion counts for.
        var joint = model.Routes.Single(route => route.Task == "joint");
        var inputs = samples.Single(source => source.Name == "pairs").Read([0, 5]).Inputs;
        var view = AttentionView.Of(Context(model, samples), joint, inputs);
        var weights = Insight.Attention(model, "joint", inputs).Single();
        var received = weights.Weights.mean([1, 2]);
        var (bands, rest) = ((int)weights.Positions[0], (int)weights.Positions[1]);
        foreach (var sample in new[] { 0, 1 })
        {
            var map = view.At(sample, "bands").Single().Map;
            map.shape.Should().Equal(12, 12);
            var share = received[sample, ..bands].sum().ToDouble();
            view.SharesOf(sample).Should().Be(FormattableString.Invariant($"bands {100 * share:0} %, record {100 * received[sample, bands..].sum().ToDouble():0} %"));
            map.min().ToDouble().Should().BeGreaterThanOrEqualTo(received[sample, ..bands].min().ToDouble() - 1e-6);
            map.max().ToDouble().Should().BeLessThanOrEqualTo(received[sample, ..bands].max().ToDouble() + 1e-6);
        }

        (bands + rest).Should().Be((int)received.shape[1]);

        static ReportContext Context(MultiInputModel model, IReadOnlyList<DataSource> samples) => new(model, samples, new(), CancellationToken.None);
    }

    [Theory]
    [InlineData("a<b>&\"'", "a&lt;b&gt;&amp;&quot;&#39;")]
    [InlineData("nul\0 bell\a", "nul\uFFFD bell\uFFFD")]
    public void Texts_are_escaped(string text, string escaped)
    {
        Html.Escape(text).Should().Be(escaped);
        new Html().Add($"<p>{text}</p>").ToString().Should().Be($"<p>{escaped}</p>");
        Html.Of($"{Html.Name(text)}").Text.Should().Be($"<bdi>{escaped}</bdi>");
        Html.Escape($"😀 {'\uD800'}").Should().Be("😀 \uFFFD");
        Html.Shorten("😀😀😀", 4).Should().Be("😀…", "a character is not cut in half");
    }

    private static ReportOptions Composite(string input, params string[] bands) => new() { Composites = new Dictionary<string, IReadOnlyList<string>> { [input] = bands } };

    private static string Write(MultiInputModel model, IReadOnlyList<DataSource> samples, ReportOptions? options = null)
    {
        using var stream = new MemoryStream();
        Insight.Report(model, samples, stream, options);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private sealed class Failing() : DataSource("failing", ["photo"], new Dictionary<string, Tensor> { ["kind"] = zeros(4, ScalarType.Int64) })
    {
        public override InputBatch Read(IReadOnlyList<long> rows) => throw new MultiInputException("source 'failing'", ModelComponent.Input, "it is broken on purpose.", "None.");
    }
}
