using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>The model: its picture, its tables, and its parameters and operations by part.</summary>
internal static class ModelSection
{
    public static void Write(ReportContext report, Html html)
    {
        var built = report.Model.Built;
        html.Add($"<figure><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Data flow\">{ModelDiagram.Draw(report.Model)}</div>");
        html.Add($"<figcaption>From inputs to heads; arrows carry the shape of one sample{(report.Model.parameters().Any(parameter => !parameter.requires_grad) ? ", dashed boxes are frozen" : "")}.</figcaption></figure>\n");
        WriteInputs(built, html);
        WriteTasks(built, html);
        WriteParts(report.Model, html);
        if (report.Model.Warnings.Count > 0)
        {
            html.Add($"<h3>Warnings</h3><ul class=\"warnings\">");
            foreach (var warning in report.Model.Warnings)
                html.Add($"<li>{Html.Name(warning)}</li>");
            html.Add($"</ul>\n");
        }
    }

    private static void WriteInputs(BuiltModel built, Html html)
    {
        html.Add($"<h3>Inputs</h3>{ReportTable.Begin("Inputs")}<thead><tr><th>input</th><th>kind</th><th class=\"number\">shape</th><th class=\"number\">projected</th><th class=\"number\">base output</th><th class=\"number\">parameters</th><th class=\"number\">MACs</th></tr></thead><tbody>");
        foreach (var path in built.Paths)
        {
            html.Add($"<tr><th scope=\"row\">{Html.Name(path.Name)}</th><td>{path.Spec.Kind}</td><td class=\"number\">{Shapes.Sizes(path.Spec.Shape)}</td><td class=\"number\">{path.Projected}</td><td class=\"number\">{path.Features}</td>");
            html.Add($"<td class=\"number\">{path.ProjectionModules.Sum(Parameters) + (path.Own is null ? 0 : Parameters(path.Own)):N0}</td><td class=\"number\">{path.Macs:N0}</td></tr>");
        }

        html.Add($"{ReportTable.End}<p class=\"note\">Parameters are those of the projection and of the input's own layers in the base; MACs (multiply-accumulate operations) are those of one sample through projection and base.</p>\n");
    }

    private static void WriteTasks(BuiltModel built, Html html)
    {
        html.Add($"<h3>Tasks</h3>{ReportTable.Begin("Tasks")}<thead><tr><th>task</th><th>reads</th><th>fusion</th><th class=\"number\">features</th><th>head</th><th class=\"number\">parameters</th><th class=\"number\">MACs</th></tr></thead><tbody>");
        foreach (var route in built.Routes)
        {
            html.Add($"<tr><th scope=\"row\">{Html.Name(route.Task)}</th><td>{new Markup(string.Join(" + ", route.Inputs.Select(input => Html.Name(input).Text)))}</td><td>{route.FusionTitle}{(route.SharesFusion ? ", shared" : "")}</td>");
            html.Add($"<td class=\"number\">{route.Features:N0}</td><td>{built.Description.Task(route.Task).Head.Title}</td><td class=\"number\">{(route.SharesFusion ? 0 : Parameters(route.Fusion)) + Parameters(route.Head):N0}</td><td class=\"number\">{route.Macs:N0}</td></tr>");
        }

        html.Add($"{ReportTable.End}\n");
    }

    private static void WriteParts(MultiInputModel model, Html html)
    {
        var parts = PartSize.Of(model);
        var (most, mostMacs) = (Math.Max(1, parts.Max(part => part.Parameters)), Math.Max(1, parts.Max(part => part.Macs ?? 0)));
        html.Add($"<h3>Parameters and operations by part</h3>{ReportTable.Begin("Parameters and operations by part")}<thead><tr><th>part</th><th class=\"number\">parameters</th><th class=\"bars\"></th><th class=\"number\">MACs per sample</th><th class=\"bars\"></th><th>trained</th></tr></thead><tbody>");
        foreach (var part in parts)
        {
            html.Add($"<tr><th scope=\"row\">{part.Title}</th><td class=\"number\">{part.Parameters:N0}</td><td class=\"bars\">{ReportTable.Bar((double)part.Parameters / most)}</td>");
            html.Add($"<td class=\"number\">{(part.Macs is { } macs ? Html.Of($"{macs:N0}") : Html.Of($"–"))}</td><td class=\"bars\">{ReportTable.Bar((double)(part.Macs ?? 0) / mostMacs)}</td><td>{part.Training}</td></tr>");
        }

        html.Add($"{ReportTable.End}<p class=\"note\">The operations of a base are the mean over its inputs; those of a fusion are with its head.</p>\n");
    }

    private static long Parameters(nn.Module module) => module.parameters().Sum(parameter => parameter.numel());
}
