using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>The training: its curves, its phases, its best epoch, and what it warned of.</summary>
internal static class TrainingSection
{
    public static void Write(ReportContext report, Html html)
    {
        var steps = report.Options.Record?.Steps ?? [];
        var epochs = report.Options.History?.Epochs ?? report.Options.Record?.Epochs ?? [];
        if (epochs.Count == 0 && steps.Count == 0)
        {
            html.Add($"<p class=\"missing\">No history was given. Pass what <code>Trainer.Fit</code> returned: <code>new ReportOptions {{ History = history }}</code>.</p>");
            return;
        }

        html.Add($"<div class=\"charts\">");
        foreach (var chart in TrainingCharts.Of(epochs, steps))
            html.Add($"<figure>{new Markup(chart.OnPage)}</figure>");
        html.Add($"</div>\n");
        if (epochs.Count > 0)
            WritePhases(epochs, report.Options.History?.BestEpoch, html);
        WriteSeen(epochs, steps, html);
        var warnings = (report.Options.History?.Warnings ?? report.Options.Record?.Warnings ?? []).Except(report.Model.Warnings).ToArray();
        if (warnings.Length > 0)
        {
            html.Add($"<h3>Warnings</h3><ul class=\"warnings\">");
            foreach (var warning in warnings)
                html.Add($"<li>{Html.Name(warning)}</li>");
            html.Add($"</ul>\n");
        }
    }

    private static void WritePhases(IReadOnlyList<EpochResult> epochs, int? best, Html html)
    {
        html.Add($"<h3>Phases</h3>{ReportTable.Begin("Phases")}<thead><tr><th class=\"number\">phase</th><th class=\"number\">epochs</th><th class=\"number\">steps</th><th class=\"number\">learning rate at the end of each epoch</th></tr></thead><tbody>");
        var before = 0L;
        foreach (var phase in epochs.GroupBy(epoch => epoch.Phase))
        {
            var (first, last) = (phase.First().Epoch, phase.Last().Epoch);
            var (least, most) = (phase.Min(epoch => epoch.LearningRate), phase.Max(epoch => epoch.LearningRate));
            html.Add($"<tr><td class=\"number\">{phase.Key}</td><td class=\"number\">{(first == last ? Html.Of($"{first}") : Html.Of($"{first} to {last}"))}</td><td class=\"number\">{phase.Last().Step - before:N0}</td>");
            html.Add($"<td class=\"number\">{(least == most ? Html.Of($"{least:G3}") : Html.Of($"{least:G3} to {most:G3}"))}</td></tr>");
            before = phase.Last().Step;
        }

        html.Add($"{ReportTable.End}{(best is { } epoch ? Html.Of($"<p class=\"note\">The model has the weights of epoch {epoch}, the best on the validation samples.</p>") : default)}\n");
    }

    private static void WriteSeen(IReadOnlyList<EpochResult> epochs, IReadOnlyList<TrainingProgress> steps, Html html)
    {
        var seen = epochs.Count > 0 ? epochs[^1].EpochsSeen : steps[^1].EpochsSeen;
        var losses = epochs.Count > 0 ? epochs[^1].Losses : steps[^1].Losses;
        html.Add($"<h3>At the end</h3><div class=\"side\">{ReportTable.Begin("Effective epochs by source")}<thead><tr><th>source</th><th class=\"number\">times seen</th></tr></thead><tbody>");
        foreach (var (source, times) in seen)
            html.Add($"<tr><th scope=\"row\">{Html.Name(source)}</th><td class=\"number\">{times:0.00}</td></tr>");
        html.Add($"{ReportTable.End}{ReportTable.Begin("Training loss by task")}<thead><tr><th>task</th><th class=\"number\">training loss</th></tr></thead><tbody>");
        foreach (var (task, loss) in losses)
            html.Add($"<tr><th scope=\"row\">{Html.Name(task)}</th><td class=\"number\">{ReportTable.Number(loss, "G4")}</td></tr>");
        html.Add($"{ReportTable.End}</div>\n");
    }
}
