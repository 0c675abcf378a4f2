using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using OxyPlot;

namespace MultiInputNet.Insights;

/// <summary>
/// The colours of charts. OxyPlot draws with colours that stand for roles, such as the third series; the picture has classes in their place,
/// and style sheets say what a role looks like on a light and on a dark page.
/// </summary>
internal static partial class ChartTheme
{
    // Okabe and Ito (2008), told apart by people with any colour vision, darkened or lightened until each stands out from its page.
    private static readonly string[] light = ["#0b66b0", "#c2530a", "#00795c", "#a8407f", "#7a6200", "#2f7fa8", "#5b5bc0", "#3d3d3d"];
    private static readonly string[] dark = ["#6cb4f0", "#f0954f", "#3ecfa2", "#e58bc2", "#e0c542", "#8fd0f0", "#a9a9f5", "#d8d8d8"];

    private const int HeadingHeight = 22;
    private const int LegendLeft = 40;
    private const int LegendLine = 18;
    private const int LetterWidth = 8;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static readonly string[] names = ["ink", "soft", "grid"];

    /// <summary>Text and axes.</summary>
    public static OxyColor Ink => Role(0);

    /// <summary>What is less important.</summary>
    public static OxyColor Soft => Role(1);

    /// <summary>Lines of a grid.</summary>
    public static OxyColor Grid => Role(2);

    /// <summary>How many series have colours of their own.</summary>
    public static int Count => light.Length;

    /// <summary>The colours as variables of a page, and the classes that use them.</summary>
    public static string PageStyle { get; } = $":root{{{Variables(light)}}}@media (prefers-color-scheme:dark){{:root{{{Variables(dark)}}}}}" + Classes(i => $"var(--c{i})", "var(--ink)", "var(--soft)", "var(--grid)");

    /// <summary>The classes of a picture that stands alone.</summary>
    public static string FileStyle { get; } = ".paper{fill:#fff}" + Classes(i => light[i], "#1c1f23", "#555c66", "#d8dce2")
        + $"@media (prefers-color-scheme:dark){{.paper{{fill:#16181c}}{Classes(i => dark[i], "#e8eaed", "#a9b0ba", "#3a3f47")}}}";

    /// <summary>The colour of a series.</summary>
    public static OxyColor Series(int number) => Role(names.Length + number % light.Length);

    /// <summary>The class of a series' shapes.</summary>
    public static string FillClass(int number) => FormattableString.Invariant($"f{number % light.Length}");

    /// <summary>A plot as a picture.</summary>
    /// <param name="plot">The plot.</param>
    /// <param name="title">What it shows.</param>
    /// <param name="width">Its width in pixels.</param>
    /// <param name="height">The height of the plot in pixels; heading and legend come on top.</param>
    /// <param name="heading">What is written above the plot: what its vertical axis measures.</param>
    /// <param name="legend">The names of its series, each with the number of its colour.</param>
    public static SvgChart Draw(PlotModel plot, string title, int width, int height, string heading, IReadOnlyList<(string Name, int Color)> legend)
    {
        var exporter = new SvgExporter { Width = width, Height = height, IsDocument = false };
        var picture = XDocument.Parse(exporter.ExportToString(plot)).Root!;

        // Clips have numbers that would be those of other pictures on the page, too; only lines and points need them, and they are made to fit.
        var inner = new StringBuilder();
        inner.Append(CultureInfo.InvariantCulture, $"<text class=\"f-ink\" x=\"8\" y=\"16\" font-size=\"13\" font-weight=\"600\">{Html.Escape(heading)}</text><g transform=\"translate(0,{HeadingHeight})\">");
        foreach (var shape in picture.Descendants().Where(shape => shape.Name.LocalName is "polyline" or "polygon" or "text" or "rect" or "ellipse" or "image" && shape.Ancestors(Svg + "defs").FirstOrDefault() is null))
            Append(inner, shape);
        inner.Append("</g>");
        var below = AddLegend(inner, legend, width, HeadingHeight + height);
        return new(inner.ToString(), width, HeadingHeight + height + below, title);
    }

    /// <summary>Adds the names of series below a plot, as many in a line as surely fit, and returns its height.</summary>
    private static int AddLegend(StringBuilder inner, IReadOnlyList<(string Name, int Color)> legend, int width, int top)
    {
        if (legend.Count < 2)
            return 0;
        var (x, line) = (LegendLeft, 0);
        foreach (var (name, color) in legend)
        {
            var needed = 24 + name.EnumerateRunes().Sum(rune => rune.Value < 0x1100 ? LetterWidth : 2 * LetterWidth);
            if (x > LegendLeft && x + needed > width)
                (x, line) = (LegendLeft, line + 1);
            var y = top + 8 + line * LegendLine;
            inner.Append(CultureInfo.InvariantCulture, $"<rect class=\"f{color % light.Length}\" x=\"{x}\" y=\"{y - 6}\" width=\"12\" height=\"8\" rx=\"2\"/><text class=\"f-ink\" x=\"{x + 17}\" y=\"{y + 2}\" font-size=\"12\">{Html.Escape(name)}</text>");
            x += needed;
        }

        return (line + 1) * LegendLine + 4;
    }

    private static void Append(StringBuilder inner, XElement shape)
    {
        var style = shape.Attribute("style")?.Value ?? $"fill:{shape.Attribute("fill")?.Value}";
        var classes = new List<string>();
        var rest = new List<string>();
        foreach (var (name, value) in style.Split(';', StringSplitOptions.RemoveEmptyEntries).Select(part => part.Split(':', 2)).Where(part => part.Length == 2).Select(part => (part[0], part[1])))
        {
            if (name is "fill" or "stroke" && RoleOf(value) is { } role)
                classes.Add($"{name[0]}{role}");
            else if (!(name == "stroke" && value == "none"))
                rest.Add($"{name}:{value}");
        }

        if (classes.Count == 0)
            return; // the invisible frame of a legend
        inner.Append(CultureInfo.InvariantCulture, $"<{shape.Name.LocalName} class=\"{string.Join(' ', classes)}\"");
        if (rest.Count > 0)
            inner.Append(CultureInfo.InvariantCulture, $" style=\"{Html.Escape(string.Join(';', rest))}\"");
        foreach (var attribute in shape.Attributes().Where(attribute => attribute.Name.LocalName is not ("style" or "fill" or "font-family" or "shape-rendering")))
            inner.Append(CultureInfo.InvariantCulture, $" {attribute.Name.LocalName}=\"{Html.Escape(LongFraction().Replace(attribute.Value, "$1"))}\"");
        inner.Append(CultureInfo.InvariantCulture, $">{Html.Escape(shape.Value)}</{shape.Name.LocalName}>");
    }

    private static OxyColor Role(int role) => OxyColor.FromRgb(1, 2, (byte)(100 + role));

    private static string? RoleOf(string color) => RoleColor().Match(color) is { Success: true } match
        ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) - 100 is var role && role < names.Length ? $"-{names[role]}" : (role - names.Length).ToString(CultureInfo.InvariantCulture)
        : null;

    private static string Variables(string[] colors) => string.Concat(colors.Index().Select(color => FormattableString.Invariant($"--c{color.Index}:{color.Item};")));

    private static string Classes(Func<int, string> series, params string[] roles) => string.Concat(
        Enumerable.Range(0, light.Length).Select(i => (Name: i.ToString(CultureInfo.InvariantCulture), Color: series(i)))
            .Concat(names.Zip(roles, (name, color) => (Name: $"-{name}", Color: color)))
            .Select(role => $".f{role.Name}{{fill:{role.Color}}}.s{role.Name}{{stroke:{role.Color}}}")) + "text{font-family:system-ui,sans-serif}";

    [GeneratedRegex(@"^rgb\(1,2,(\d+)\)$")]
    private static partial Regex RoleColor();

    [GeneratedRegex(@"(\d+\.\d)\d+")]
    private static partial Regex LongFraction();
}
