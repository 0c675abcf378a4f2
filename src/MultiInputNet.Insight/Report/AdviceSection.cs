namespace MultiInputNet.Insights;

/// <summary>Advice in words, where a measurement supports it.</summary>
internal static class AdviceSection
{
    public static void Write(ReportContext report, Html html)
    {
        if (report.Labelled.Count == 0 || SharedSection.Measured(report) is not { } gradients)
        {
            html.Add($"<p class=\"missing\">Advice rests on measurements with labels; pass sources with labels.</p>\n");
            return;
        }

        using var random = GlobalRandom.Seeded(0, report.Model.Device);
        var found = Insight.Advise(report.Model, report.Labelled, report.Options.History, gradients, report.Options.Comparison, report.CancellationToken);
        if (found.Count == 0)
        {
            html.Add($"<p class=\"note\">Nothing was found that calls for advice.</p>\n");
            return;
        }

        html.Add($"<ul class=\"advice\">");
        foreach (var advice in found)
            html.Add($"<li><b>{Html.Name($"{char.ToUpperInvariant(advice.Subject[0])}{advice.Subject[1..]}")}</b>: {Html.Name(advice.Measured)}<br>{Html.Name(advice.ToDo)}</li>\n");
        html.Add($"</ul>\n");
    }
}
