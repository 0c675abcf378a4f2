using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>What the inputs share: where their features lie, how alike their layers are, and how the tasks pull at the base.</summary>
internal static class SharedSection
{
    /// <summary>t-SNE takes time that grows with the square of the points.</summary>
    private const int MostPoints = 600;

    private const int MostPairs = 40;
    private const int MostTasks = 30;
    private const int MostLines = 12;
    private const int Batches = 4;

    public static void Write(ReportContext report, Html html)
    {
        if (report.Options.Samples < 2)
        {
            html.Add($"<p class=\"missing\">Left out; give <code>new ReportOptions {{ Samples = 128 }}</code> to see it.</p>\n");
            return;
        }

        WriteEmbeddings(report, html);
        WriteSimilarities(report, html);
        WriteGradients(report, html);
        WriteGradientsOverTraining(report, html);
        WriteComparison(report, html);
    }

    private static void WriteEmbeddings(ReportContext report, Html html)
    {
        html.Add($"<h3>Features of the base</h3>");
        var inputs = report.Data.SelectMany(source => source.InputNames).Distinct().Count();
        using var scope = NewDisposeScope();
        var features = Insight.BaseFeatures(report.Model, report.Data, Math.Max(2, Math.Min(report.Options.Samples, MostPoints / inputs)), cancellationToken: report.CancellationToken);
        foreach (var group in features.GroupBy(its => TaskCall.PathOf(report.Model, its.Input).Base).Where(group => group.Sum(its => its.Values.shape[0]) >= 3))
        {
            html.Add($"<div class=\"charts\">");
            foreach (var (method, title) in new[] { (EmbeddingMethod.Pca, "principal components"), (EmbeddingMethod.Tsne, "t-SNE: neighbours stay neighbours") })
            {
                var places = Insight.Embed([.. group], method, cancellationToken: report.CancellationToken);
                var points = group.Zip(places).GroupBy(its => its.First.Input).Index().Select(its => new ChartPoints(its.Item.Key, [.. its.Item.SelectMany(one => Points(one.Second))], its.Index));
                html.Add($"<figure>{new Markup(ScatterChart.Draw($"Base features by input: {title}", "", title, [.. points]).OnPage)}</figure>");
            }

            html.Add($"</div><p class=\"note\">Each point is a sample's features after the base {group.Key.GetName()}, averaged over their positions, in two dimensions. Inputs that lie apart use the base for themselves; those that mix share what it found.</p>\n");
        }

        foreach (var its in features)
            its.Dispose();
    }

    private static void WriteSimilarities(ReportContext report, Html html)
    {
        var similar = Insight.LayerSimilarity(report.Model, report.Data, report.Options.Samples, cancellationToken: report.CancellationToken);
        html.Add($"<h3>Layer by layer</h3>");
        if (similar.Pairs.Count == 0)
            html.Add($"<p class=\"note\">No two inputs of the samples share a base.</p>");
        foreach (var group in similar.Pairs.Take(MostPairs).GroupBy(pair => string.Join('\n', pair.Layers)))
        {
            html.Add($"{ReportTable.Begin("Similarity of inputs by layer", "confusion")}<thead><tr><th></th>");
            foreach (var layer in group.First().Layers)
                html.Add($"<th scope=\"col\"><span>{Html.ShortName(layer, 18)}</span></th>");
            html.Add($"</tr></thead><tbody>");
            foreach (var pair in group)
            {
                Row(pair, "", pair.Covariance);
                if (pair.Cka is { } cka)
                    Row(pair, ", CKA of pairs", cka);
            }

            html.Add($"{ReportTable.End}");
        }

        if (similar.Pairs.Count > 0)
            html.Add($"<p class=\"note\">Similarity of inputs, from 0 to 1: whether features of two inputs spread in the same directions of a layer. Where a source holds both inputs row by row, also the centred kernel alignment (CKA) of their pairs{(similar.Pairs.Count > MostPairs ? Html.Of($". The first {MostPairs} pairs of {similar.Pairs.Count:N0}") : default)}.</p>\n");
        html.Add($"<div class=\"panels\">");
        foreach (var its in similar.Inputs.Where(its => its.Layers.Count is > 1 and <= 24))
            html.Add($"<div><p class=\"note\">Layers of {Html.ShortName(its.Input, 40)}, CKA of each two</p>{HeatTable.Square($"Layers of {its.Input}", its.Layers, its.Cka)}</div>");
        html.Add($"</div>\n");

        void Row(InputPair pair, string what, IReadOnlyList<double> values)
        {
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(pair.First, 16)} and {Html.ShortName(pair.Second, 16)}{what}</th>");
            foreach (var value in values)
                html.Add($"{HeatTable.Cell(value, "0.00;-0.00;0.00")}");
            html.Add($"</tr>");
        }
    }

    private static void WriteGradients(ReportContext report, Html html)
    {
        html.Add($"<h3>Gradients of the tasks on the base</h3>");
        if (Measured(report) is not { } gradients)
        {
            html.Add($"<p class=\"missing\">They need samples with labels and a base with parameters; pass sources with labels of the tasks.</p>\n");
            return;
        }

        if (report.HeadsOfUsers.Count > 0)
            html.Add($"<p class=\"note\">Without {string.Join(", ", report.HeadsOfUsers)}, whose heads have no loss.</p>");
        html.Add($"<div class=\"panels\">");
        if (gradients.Tasks.Count is > 1 and <= MostTasks)
            html.Add($"<div><p class=\"note\">Cosine of each two tasks' gradients: below 0, what helps one hurts the other; around 0, they do not care.</p>{HeatTable.Square("Cosines of gradients", gradients.Tasks, gradients.Cosines)}</div>");
        html.Add($"<div>{ReportTable.Begin("Norms of gradients")}<thead><tr><th>task</th><th class=\"number\">gradient norm</th><th class=\"bars\"></th><th class=\"number\">loss</th></tr></thead><tbody>");
        var most = gradients.Norms.Values.Where(double.IsFinite).DefaultIfEmpty(1).Max();
        foreach (var (task, norm) in gradients.Norms)
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(task, 40)}</th><td class=\"number\">{ReportTable.Number(norm, "G4")}</td><td class=\"bars\">{ReportTable.Bar(norm / most)}</td><td class=\"number\">{ReportTable.Number(gradients.Losses.GetValueOrDefault(task, double.NaN), "G4")}</td></tr>");
        html.Add($"{ReportTable.End}<p class=\"note\">A task whose norm is many times that of another decides where the base goes. From {gradients.Batches} batches of each source, as the losses of a training.</p></div></div>\n");
    }

    private static void WriteGradientsOverTraining(ReportContext report, Html html)
    {
        html.Add($"<h3>Gradients over the training</h3>");
        if (report.Options.Record?.Gradients is not { Count: > 0 } recorded)
        {
            html.Add($"<p class=\"missing\">They were not measured. Train with <code>new TrainingRecord(model, sources)</code> as the progress, and pass it in the options: <code>new ReportOptions {{ Record = record }}</code>.</p>\n");
            return;
        }

        var tasks = recorded[0].Gradients.Tasks;
        var norms = tasks.Index().Select(task => new ChartLine(task.Item, [.. recorded.Select(its => ((double)its.Step, its.Gradients.Norms.GetValueOrDefault(task.Item, double.NaN)))], task.Index)).ToArray();
        var pairs = tasks.SelectMany((task, index) => tasks.Skip(index + 1).Select(other => (task, other))).Take(MostLines).Index().Select(pair => new ChartLine(
            $"{pair.Item.task} and {pair.Item.other}", [.. recorded.Select(its => ((double)its.Step, its.Gradients.Cosine(pair.Item.task, pair.Item.other)))], pair.Index)).ToArray();
        html.Add($"<div class=\"charts\"><figure>{new Markup(LineChart.Draw("Gradient norms over the training", "step", "gradient norm", norms).OnPage)}</figure>");
        if (pairs.Length > 0)
            html.Add($"<figure>{new Markup(LineChart.Draw("Cosines of gradients over the training", "step", "cosine of gradients", pairs).OnPage)}</figure>");
        html.Add($"</div>\n");
    }

    private static void WriteComparison(ReportContext report, Html html)
    {
        html.Add($"<h3>Together or alone</h3>");
        if (report.Options.Comparison is not { Count: > 0 } comparison)
        {
            html.Add($"<p class=\"missing\">No comparison was given. <code>Insight.JointAgainstAlone</code> trains each task alone, too; pass its result as <code>Comparison</code> in the options.</p>\n");
            return;
        }

        html.Add($"{ReportTable.Begin("Together or alone")}<thead><tr><th>task</th><th>metric</th><th class=\"number\">together</th><th class=\"number\">alone</th><th class=\"number\">gain in score</th><th class=\"number\">seeds</th></tr></thead><tbody>");
        foreach (var its in comparison)
        {
            var first = its.Runs[0].Joint;
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(its.Task, 40)}</th><td>{ResultsSection.Name(first.Primary)}</td><td class=\"number\">{ResultsSection.Metric(first.Primary, its.Runs.Average(run => run.Joint.PrimaryValue))}</td><td class=\"number\">{ResultsSection.Metric(first.Primary, its.Runs.Average(run => run.Alone.PrimaryValue))}</td>");
            html.Add($"<td class=\"number\">{ReportTable.Number(its.Gain, "+0.0000;-0.0000;0")}{(double.IsFinite(its.StandardError) ? Html.Of($" ± {its.StandardError:0.0000}") : default)}</td><td class=\"number\">{its.Runs.Count}</td></tr>");
        }

        html.Add($"{ReportTable.End}<p class=\"note\">Means over the seeds; ± is the standard error of the gain, as far as seeds and samples tell. A gain within two of them may be chance.</p>\n");
    }

    /// <summary>The gradients of the tasks on the given samples, measured once; null without labels or a base with parameters.</summary>
    public static TaskGradients? Measured(ReportContext report) => report.Gradients ??= Measure(report);

    private static TaskGradients? Measure(ReportContext report)
    {
        if (report.Labelled.Count == 0 || report.Model.Paths.All(path => !path.Base.parameters().Any()))
            return null;
        using var random = GlobalRandom.Seeded(0, report.Model.Device);
        return Insight.FindGradients(report.Model, report.Labelled, Batches, options: null, report.CancellationToken);
    }

    private static IEnumerable<(double X, double Y)> Points(Tensor places)
    {
        var numbers = places.Numbers<double>();
        return Enumerable.Range(0, numbers.Length / 2).Select(row => (numbers[2 * row], numbers[2 * row + 1]));
    }
}
