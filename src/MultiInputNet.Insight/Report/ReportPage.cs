using MultiInputNet.Data;

namespace MultiInputNet.Insights;

/// <summary>The page of a report: its head, and its sections one after the other.</summary>
internal static class ReportPage
{
    private static readonly IReadOnlyList<ReportSection> sections =
    [
        new("model", "The model", "What flows where, and where the parameters are.", ModelSection.Write),
        new("training", "Training", "Losses, metrics and rates over the epochs.", TrainingSection.Write),
        new("results", "Results", "How well each task does on the given samples.", ResultsSection.Write),
        new("looks", "What it looks at", "Which parts of samples the answers rest on.", LooksSection.Write),
        new("shared", "What is shared", "Whether the inputs help or hurt each other in the base.", SharedSection.Write),
        new("advice", "Advice", "What measurements suggest to do; thresholds are rules of thumb.", AdviceSection.Write),
    ];

    /// <summary>Writes a page.</summary>
    public static string Write(MultiInputModel model, IReadOnlyList<DataSource> data, ReportOptions options, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        if (data.Count == 0)
            throw new ArgumentException("There is no source; give the samples to show, best those that the model was not trained on.", nameof(data));
        var report = new ReportContext(model, data, options, cancellationToken);
        var written = sections.Select(section =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            var content = new Html();
            section.Write(report, content);
            return (Section: section, Content: content);
        }).ToArray();

        var page = new Html();
        page.Add($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
            <title>{options.Title}</title>
            <link rel="icon" href="data:,">
            <style>{new Markup(ReportStyle.Text)}{new Markup(ChartTheme.PageStyle)}</style>
            </head>
            <body>
            <header>
            <h1>{Html.Name(options.Title)}</h1>
            <p>{Overview(report)}</p>

            """);
        ResultsSection.WriteTiles(report, page);
        page.Add($"<nav aria-label=\"Sections\">");
        foreach (var (section, _) in written)
            page.Add($"<a href=\"#{section.Id}\">{section.Title}</a> ");
        page.Add($"</nav>\n</header>\n<main>\n");
        foreach (var (section, content) in written)
            page.Add($"<section id=\"{section.Id}\" aria-labelledby=\"{section.Id}-title\">\n<h2 id=\"{section.Id}-title\">{section.Title}</h2>\n<p class=\"lead\">{section.Lead}</p>\n").Add(content).Add($"\n</section>\n");
        page.Add($"</main>\n</body>\n</html>\n");
        return page.ToString();
    }

    private static Markup Overview(ReportContext report)
    {
        var model = report.Model;
        var parameters = model.parameters().ToArray();
        var (all, trained) = (parameters.Sum(parameter => parameter.numel()), parameters.Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel()));
        string[] parts =
        [
            Count(model.Description.Inputs.Count, "input"),
            Count(model.Description.Tasks.Count, "task"),
            Count(model.Description.Bases.Count, "base"),
            FormattableString.Invariant($"{all:N0} parameters{(trained == all ? "" : $", {trained:N0} of them not frozen")}"),
            FormattableString.Invariant($"{report.Data.Sum(source => source.Count):N0} samples shown"),
            .. report.Options.Date is { } date ? (string[])[date.ToString("yyyy-MM-dd HH:mm zzz", System.Globalization.CultureInfo.InvariantCulture)] : [],
        ];
        return Html.Of($"{string.Join(" · ", parts)}");

        static string Count(int count, string what) => FormattableString.Invariant($"{count} {what}{(count == 1 ? "" : "s")}");
    }
}

/// <summary>A section of a report.</summary>
/// <param name="Id">Its anchor.</param>
/// <param name="Title">Its heading.</param>
/// <param name="Lead">What it is about.</param>
/// <param name="Write">Writes its content.</param>
internal sealed record ReportSection(string Id, string Title, string Lead, Action<ReportContext, Html> Write);
