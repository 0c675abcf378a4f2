using System.Text;

namespace MultiInputNet.Insights;

/// <summary>A chart as a picture: SVG, in colours for light and dark surroundings.</summary>
public sealed class SvgChart
{
    internal SvgChart(string inner, int width, int height, string title) => (Inner, Width, Height, Title) = (inner, width, height, title);

    /// <summary>What it shows.</summary>
    public string Title { get; }

    /// <summary>Its natural width in pixels; it can be shown at any size.</summary>
    public int Width { get; }

    /// <summary>Its natural height in pixels.</summary>
    public int Height { get; }

    /// <summary>The elements of the picture, coloured by the classes of <see cref="ChartTheme"/>.</summary>
    internal string Inner { get; }

    /// <summary>The SVG element for a page that has the colours of <see cref="ChartTheme.PageStyle"/>.</summary>
    internal string OnPage => FormattableString.Invariant(
        $"<svg class=\"chart\" viewBox=\"0 0 {Width} {Height}\" style=\"max-width:{Width}px\" role=\"img\" aria-label=\"{Html.Escape(Title)}\">{Inner}</svg>");

    /// <summary>The content of an SVG file, which needs nothing else.</summary>
    /// <returns>The text.</returns>
    public override string ToString() => FormattableString.Invariant(
        $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" role=\"img\" aria-label=\"{Html.Escape(Title)}\"><style>{ChartTheme.FileStyle}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>{Inner}</svg>\n");

    /// <summary>Saves it as an SVG file.</summary>
    /// <param name="path">The file. An existing one is replaced once the new one is complete.</param>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        WholeFile.Write(path, file => file.Write(Encoding.UTF8.GetBytes(ToString())));
    }

    /// <summary>Charts beside each other, line by line.</summary>
    internal static SvgChart Grid(string title, int columns, IReadOnlyList<SvgChart> charts)
    {
        var (width, height) = (charts.Max(chart => chart.Width), charts.Max(chart => chart.Height));
        var inner = string.Concat(charts.Index().Select(chart => FormattableString.Invariant(
            $"<svg x=\"{chart.Index % columns * width}\" y=\"{chart.Index / columns * height}\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {chart.Item.Width} {chart.Item.Height}\">{chart.Item.Inner}</svg>")));
        return new(inner, width * Math.Min(columns, charts.Count), height * ((charts.Count + columns - 1) / columns), title);
    }
}
