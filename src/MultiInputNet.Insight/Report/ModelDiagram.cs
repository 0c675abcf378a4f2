using System.Globalization;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>The data flow of a model as SVG: a column each for inputs, projections, bases, fusions and heads.</summary>
internal static class ModelDiagram
{
    private const int BoxWidth = 136;
    private const int BoxHeight = 50;
    private const int Gap = 84;
    private const int RowHeight = 74;
    private const int Top = 34;
    private const int LongestText = 18;
    private const int ShortText = 14; // fits in any font

    private static readonly string[] endings = ["Projection", "Base"];
    private static readonly string[] columns = ["input", "projection", "base", "fusion", "head"];

    public static Markup Draw(MultiInputModel model)
    {
        // Inputs of one base lie together, and so do tasks that share a fusion.
        var paths = model.Built.Paths.GroupBy(path => path.Base).SelectMany(group => group).ToArray();
        var routes = model.Built.Routes.OrderByDescending(route => route.SharesFusion).ToArray();
        var rows = Math.Max(paths.Length, routes.Length);
        var (width, height) = (columns.Length * BoxWidth + (columns.Length - 1) * Gap + 2, Top + rows * RowHeight + 4);
        var (pathTop, routeTop) = (Top + (rows - paths.Length) * RowHeight / 2, Top + (rows - routes.Length) * RowHeight / 2);
        var svg = new Html();
        svg.Add($"<svg class=\"flow\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"Data flow of the model\">");
        svg.Add($"<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker></defs>");
        foreach (var (index, title) in columns.Index())
            svg.Add($"<text class=\"column\" x=\"{Left(index) + BoxWidth / 2}\" y=\"18\">{title}</text>");

        foreach (var (row, path) in paths.Index())
        {
            var y = pathTop + row * RowHeight;
            Box(svg, 0, y, BoxHeight, "of-input", path.Name, path.Standardization is null ? path.Spec.Kind : $"{path.Spec.Kind}, standardised", "");
            Arrow(svg, 0, y, y, Shapes.Sizes(path.Spec.Shape));
            Box(svg, 1, y, BoxHeight, "", Name(path.Projection), Size([.. path.ProjectionModules]), PartSize.TrainingOf(path.ProjectionModules));
            Arrow(svg, 1, y, y, path.Projected.ToString());
        }

        foreach (var group in paths.Index().GroupBy(path => path.Item.Base))
        {
            var (first, last) = (pathTop + group.First().Index * RowHeight, pathTop + group.Last().Index * RowHeight);
            var own = group.Select(path => path.Item.Own).Where(own => own is not null).Cast<nn.Module>().ToArray();
            Box(svg, 2, first, last - first + BoxHeight, "of-base", Name(group.Key), own.Length > 0 ? $"{Size(group.Key)} + {Size(own)} own" : Size(group.Key), PartSize.TrainingOf([group.Key, .. own]));
        }

        var labelled = new HashSet<string>();
        foreach (var (row, route) in routes.Index())
        {
            var y = routeTop + row * RowHeight;
            foreach (var input in route.Inputs)
            {
                var from = Array.FindIndex(paths, path => path.Name == input);
                Arrow(svg, 2, pathTop + from * RowHeight, y, labelled.Add(input) ? paths[from].Features.ToString()! : "");
            }

            if (!route.SharesFusion)
                Box(svg, 3, y, BoxHeight, "", route.FusionTitle, Size(route.Fusion), PartSize.TrainingOf([route.Fusion]));
            Arrow(svg, 3, y, y, string.Create(CultureInfo.InvariantCulture, $"{route.Features:N0}"));
            Box(svg, 4, y, BoxHeight, "of-head", route.Task, Title(model, route), PartSize.TrainingOf([route.Head]));
        }

        if (routes.TakeWhile(route => route.SharesFusion).ToArray() is [var sharing, ..] all)
            Box(svg, 3, routeTop, (all.Length - 1) * RowHeight + BoxHeight, "", sharing.FusionTitle, $"{Size(sharing.Fusion)}, shared", PartSize.TrainingOf([sharing.Fusion]));
        return svg.Add($"</svg>").ToMarkup();
    }

    private static int Left(int column) => 1 + column * (BoxWidth + Gap);

    /// <summary>What a module is, without what its column says.</summary>
    private static string Name(nn.Module module)
    {
        var name = module.GetType().Name;
        return endings.FirstOrDefault(ending => name.EndsWith(ending, StringComparison.Ordinal) && name.Length > ending.Length) is { } ending ? name[..^ending.Length] : name;
    }

    private static string Title(MultiInputModel model, Route route) => model.Description.Task(route.Task).Head.Title;

    private static void Box(Html svg, int column, int y, int height, string kind, string title, string below, string training)
    {
        var (middle, center) = (Left(column) + BoxWidth / 2, y + height / 2);
        var note = training switch
        {
            "frozen" => "❄ frozen",
            "in part" => "frozen in part",
            _ => "",
        };
        svg.Add($"<g class=\"box {kind}{(training == "frozen" ? " frozen" : "")}\"><title>{title}: {below}{(note.Length > 0 ? $", {training}" : "")}</title>");
        svg.Add($"<rect x=\"{Left(column)}\" y=\"{y}\" width=\"{BoxWidth}\" height=\"{height}\" rx=\"8\"/>");
        svg.Add($"<text class=\"name\" x=\"{middle}\" y=\"{center - (note.Length > 0 ? 9 : 3)}\"{(title.Length > ShortText ? Html.Of($" textLength=\"{BoxWidth - 12}\" lengthAdjust=\"spacingAndGlyphs\"") : default)}>{Html.Shorten(title, LongestText)}</text>");
        svg.Add($"<text class=\"below\" x=\"{middle}\" y=\"{center + (note.Length > 0 ? 5 : 13)}\">{Html.Shorten(below, LongestText + 5)}</text>");
        if (note.Length > 0)
            svg.Add($"<text class=\"below cold\" x=\"{middle}\" y=\"{center + 19}\">{note}</text>");
        svg.Add($"</g>");
    }

    /// <summary>An arrow from a column to the next, with a shape.</summary>
    private static void Arrow(Html svg, int column, int fromY, int toY, string shape)
    {
        var (x, end) = (Left(column) + BoxWidth, Left(column + 1) - 1);
        var (y, to) = (fromY + BoxHeight / 2, toY + BoxHeight / 2);
        svg.Add($"<path class=\"arrow\" d=\"M{x} {y}C{x + Gap / 2} {y} {end - Gap / 2} {to} {end} {to}\" marker-end=\"url(#arrow)\"/>");
        if (shape.Length > 0)
            svg.Add($"<text class=\"shape\" x=\"{(y == to ? x + Gap / 2 : x + 4)}\" y=\"{y - 6}\"{(y == to ? default : new Markup(" style=\"text-anchor:start\""))}>{Html.Shorten(shape, 14)}</text>");
    }

    private static string Size(params IReadOnlyList<nn.Module> modules) => modules.Sum(module => module.parameters().Sum(parameter => parameter.numel())) switch
    {
        0 => "no parameters",
        >= 1_000_000 and var count => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:0.##} M parameters"),
        >= 10_000 and var count => string.Create(CultureInfo.InvariantCulture, $"{count / 1e3:0.#} k parameters"),
        var count => string.Create(CultureInfo.InvariantCulture, $"{count:N0} parameters"),
    };
}
