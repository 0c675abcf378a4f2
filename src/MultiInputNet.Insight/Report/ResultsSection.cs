using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>The results: for each task its metrics, its classes, labels or outputs, its calibration, and its worst mistakes.</summary>
internal static class ResultsSection
{
    private const int MostClasses = 30;
    private const int WideClasses = 11;
    private const int MostRows = 30;
    private const int MostPoints = 1000;
    private const int MostOutputs = 4;
    private const int MostPairs = 12;

    /// <summary>The primary metric of each task, in large digits.</summary>
    public static void WriteTiles(ReportContext report, Html html)
    {
        if (report.Evaluations.Count == 0)
            return;
        html.Add($"<ul class=\"tiles\">");
        foreach (var (task, evaluation) in report.Evaluations)
            html.Add($"<li><b>{Metric(evaluation.Primary, evaluation.PrimaryValue)}</b><span>{Html.ShortName(task, 40)}</span><span class=\"soft\">{Name(evaluation.Primary)} on {evaluation.Count:N0}</span></li>");
        html.Add($"</ul>\n");
    }

    public static void Write(ReportContext report, Html html)
    {
        if (report.Evaluations.Count == 0 && report.HeadsOfUsers.Count < report.Model.Routes.Count())
            html.Add($"<p class=\"missing\">None of the samples has a label. Pass sources with labels, such as the test samples: <code>new TensorSource(name, inputs, targets)</code>.</p>\n");
        foreach (var (task, evaluation) in report.Evaluations)
        {
            html.Add($"<article class=\"task\"><h3>{Html.Name(task)}</h3>\n");
            if (evaluation.Count == 0)
            {
                html.Add($"<p class=\"missing\">None of its samples has a label; pass some that have.</p></article>\n");
                continue;
            }

            WriteMetrics(evaluation, html);
            html.Add($"<div class=\"panels\">");
            WriteClasses(evaluation, html);
            WriteConfusion(evaluation, html);
            if (evaluation.Calibration is { } calibration)
            {
                html.Add($"<figure class=\"small\">{new Markup(ReliabilityChart.Draw(calibration, $"Reliability of {task}").OnPage)}");
                html.Add($"<figcaption>Reliability: bars are the share of predictions of a probability that is right; on the line, probabilities are true. Expected calibration error {ReportTable.Number(calibration.Error, "0.0000")}.</figcaption></figure>\n");
            }

            html.Add($"</div>\n");
            WriteOutputs(report, task, evaluation, html);
            Mistakes.Write(report, task, html);
            html.Add($"</article>\n");
        }

        foreach (var task in report.HeadsOfUsers)
            html.Add($"<article class=\"task\"><h3>{Html.Name(task)}</h3><p class=\"missing\">Its head is a <code>{report.Model.Head(task).GetType().Name}</code>, which has neither a loss nor metrics; derive it from <code>TaskHead</code> to see its results.</p></article>\n");
        foreach (var task in report.Model.Routes.Select(route => route.Task).Except(report.HeadsOfUsers).Where(task => report.Evaluations.Count > 0 && !report.Evaluations.Keys.Any(key => report.Model.FindRoute(key).Task == task)))
            html.Add($"<article class=\"task\"><h3>{Html.Name(task)}</h3><p class=\"missing\">No source has labels of this task; pass one to see its results.</p></article>\n");
    }

    /// <summary>A metric in the words of a reader.</summary>
    public static string Name(string metric) => metric.Replace('_', ' ');

    /// <summary>A share in percent, or a value.</summary>
    public static Markup Metric(string name, double value) => !double.IsFinite(value) ? new("–")
        : name is "rmse" or "mae" or "r2" || value is < 0 or > 1 ? Html.Of($"{value:G4}")
        : name.Contains("error", StringComparison.Ordinal) ? Html.Of($"{value:0.0000}")
        : Html.Of($"{100 * value:0.00} %");

    private static void WriteMetrics(TaskEvaluation evaluation, Html html)
    {
        html.Add($"<dl class=\"metrics\"><div><dt>samples</dt><dd>{evaluation.Count:N0}</dd></div><div><dt>loss</dt><dd>{ReportTable.Number(evaluation.Loss, "G4")}</dd></div>");
        foreach (var (name, value) in evaluation.Metrics)
            html.Add($"<div><dt>{Name(name)}</dt><dd>{Metric(name, value)}</dd></div>");
        html.Add($"</dl>\n");
    }

    private static void WriteClasses(TaskEvaluation evaluation, Html html)
    {
        if (evaluation.Classes.Count == 0)
            return;
        var areLabels = evaluation.Classes[0].Calibration is not null;

        // Of many classes, those with the lowest F1.
        var shown = evaluation.Classes.Count <= MostRows ? evaluation.Classes
            : evaluation.Classes.OrderBy(its => double.IsNaN(its.F1) ? 2 : its.F1).Take(MostRows).ToArray();
        html.Add($"<div>{ReportTable.Begin("Precision and recall")}<thead><tr><th>{(areLabels ? "label" : "class")}</th><th class=\"number\">samples</th><th class=\"number\">precision</th><th class=\"number\">recall</th><th class=\"number\">F1</th><th class=\"bars\"></th>");
        html.Add($"{(areLabels ? Html.Of($"<th class=\"number\">calibration error</th>") : default)}</tr></thead><tbody>");
        foreach (var its in shown)
        {
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(its.Name, 40)}</th><td class=\"number\">{its.Support:N0}</td><td class=\"number\">{ReportTable.Number(its.Precision, "0.000")}</td><td class=\"number\">{ReportTable.Number(its.Recall, "0.000")}</td>");
            html.Add($"<td class=\"number\">{ReportTable.Number(its.F1, "0.000")}</td><td class=\"bars\">{ReportTable.Bar(its.F1)}</td>{(its.Calibration is { } calibration ? Html.Of($"<td class=\"number\">{ReportTable.Number(calibration.Error, "0.000")}</td>") : default)}</tr>");
        }

        html.Add($"{ReportTable.End}{(shown.Count < evaluation.Classes.Count ? Html.Of($"<p class=\"note\">The {MostRows} with the lowest F1 of {evaluation.Classes.Count:N0}.</p>") : default)}</div>\n");
    }

    private static void WriteConfusion(TaskEvaluation evaluation, Html html)
    {
        if (evaluation.Confusions.Count == 0)
            return;
        var classes = evaluation.Classes;
        html.Add($"<div class=\"{(classes.Count is > WideClasses and <= MostClasses ? "wide" : "")}\">");
        if (classes.Count <= MostClasses)
        {
            var cells = evaluation.Confusions.ToDictionary(cell => (cell.Label, cell.Prediction), cell => cell.Count);
            html.Add($"<p class=\"note\">Confusion: rows are the class, columns the prediction.</p>{ReportTable.Begin("Confusion matrix", "confusion")}<thead><tr><th></th>");
            foreach (var its in classes)
                html.Add($"<th scope=\"col\"><span>{Html.ShortName(its.Name, 18)}</span></th>");
            html.Add($"</tr></thead><tbody>");
            foreach (var (label, its) in classes.Index())
            {
                html.Add($"<tr><th scope=\"row\">{Html.ShortName(its.Name, 24)}</th>");
                for (var prediction = 0; prediction < classes.Count; prediction++)
                {
                    var count = cells.GetValueOrDefault((label, prediction));
                    html.Add($"<td class=\"{(label == prediction ? "right" : "wrong")}\" style=\"--share:{(its.Support == 0 ? 0 : 100.0 * count / its.Support):0.#}%\">{(count == 0 ? Html.Of($"<span class=\"none\">·</span>") : Html.Of($"{count}"))}</td>");
                }

                html.Add($"</tr>");
            }

            html.Add($"{ReportTable.End}\n");
        }

        var pairs = evaluation.Confusions.Where(cell => cell.Label != cell.Prediction).OrderByDescending(cell => cell.Count).Take(classes.Count > MostClasses ? MostPairs : 3).ToArray();
        if (pairs.Length > 0)
        {
            html.Add($"<p class=\"note\">Most often confused:</p><ul class=\"note\">");
            foreach (var cell in pairs)
                html.Add($"<li>{Html.ShortName(classes[cell.Label].Name, 40)} taken for {Html.ShortName(classes[cell.Prediction].Name, 40)}, {cell.Count:N0} times</li>");
            html.Add($"</ul>\n");
        }

        html.Add($"</div>\n");
    }

    private static void WriteOutputs(ReportContext report, string task, TaskEvaluation evaluation, Html html)
    {
        if (evaluation.Outputs.Count == 0)
            return;
        html.Add($"{ReportTable.Begin("Errors of each output")}<thead><tr><th>output</th><th class=\"number\">samples</th><th class=\"number\">mean error</th><th class=\"number\">MAE</th><th class=\"number\">RMSE</th><th class=\"number\">R²</th></tr></thead><tbody>");
        foreach (var its in evaluation.Outputs.Take(MostRows))
        {
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(its.Name, 40)}</th><td class=\"number\">{its.Count:N0}</td><td class=\"number\">{ReportTable.Number(its.MeanError, "G4")}</td><td class=\"number\">{ReportTable.Number(its.Mae, "G4")}</td>");
            html.Add($"<td class=\"number\">{ReportTable.Number(its.Rmse, "G4")}</td><td class=\"number\">{ReportTable.Number(its.R2, "0.000")}</td></tr>");
        }

        html.Add($"{ReportTable.End}<div class=\"charts\">");
        var samples = report.PredictionsOf(task);
        foreach (var (output, its) in evaluation.Outputs.Take(MostOutputs).Index())
        {
            var points = samples.Where(sample => double.IsFinite(sample.Label[output])).Select(sample => (sample.Label[output], sample.Prediction.Values[output])).ToArray();
            var some = ReportContext.Spaced(points.Length, MostPoints).Select(row => points[row]).ToArray();
            if (some.Length == 0)
                continue;
            var unit = samples[0].Prediction.Unit is { } known ? $" ({known})" : "";
            var title = evaluation.Outputs.Count == 1 ? "Predictions against labels" : $"Predictions against labels: {its.Name}";
            html.Add($"<figure>{new Markup(ScatterChart.Draw(title, Plot.ShortName($"label{unit}"), Plot.ShortName($"prediction{unit}"), [new(its.Name, some, 0)], hasDiagonal: true).OnPage)}<figcaption>{Html.Shorten(title, 80)}{(some.Length < points.Length ? Html.Of($"; {some.Length:N0} evenly spaced samples of {points.Length:N0}") : default)}</figcaption></figure>");
        }

        html.Add($"</div>\n");
    }
}
