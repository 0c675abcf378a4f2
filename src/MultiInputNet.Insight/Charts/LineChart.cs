using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace MultiInputNet.Insights;

/// <summary>A line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Its points; those that are not finite are left out.</param>
/// <param name="Color">The number of its colour.</param>
/// <param name="IsDashed">Whether it is dashed.</param>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points, int Color, bool IsDashed = false);

/// <summary>Lines over a common axis.</summary>
internal static class LineChart
{
    private const int MostMarkers = 16;

    /// <param name="title">What it shows.</param>
    /// <param name="across">The title of the horizontal axis.</param>
    /// <param name="up">What the vertical axis measures.</param>
    /// <param name="lines">The lines.</param>
    /// <param name="marks">Where vertical lines divide it, such as between phases.</param>
    /// <param name="isLogarithmic">Whether the horizontal axis is in powers of ten.</param>
    public static SvgChart Draw(
        string title, string across, string up, IReadOnlyList<ChartLine> lines, IReadOnlyList<double>? marks = null, bool isLogarithmic = false)
    {
        var plot = Plot.New();
        var points = lines.SelectMany(line => line.Points).Where(IsDrawn).ToArray();
        Axis horizontal = isLogarithmic ? Plot.LogarithmicAxis(AxisPosition.Bottom, across) : Plot.Axis(AxisPosition.Bottom, across);
        var vertical = Plot.Axis(AxisPosition.Left);
        if (points.Length > 0 && points.All(point => point.X == points[0].X) && !isLogarithmic)
            (horizontal.Minimum, horizontal.Maximum) = (points[0].X - 1, points[0].X + 1);
        if (points.Length > 0 && points.All(point => point.Y == points[0].Y))
        {
            var around = points[0].Y == 0 ? 1 : Math.Abs(points[0].Y) / 2;
            (vertical.Minimum, vertical.Maximum) = (points[0].Y - around, points[0].Y + around);
        }

        plot.Axes.Add(horizontal);
        plot.Axes.Add(vertical);
        foreach (var mark in marks ?? [])
            plot.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.Vertical, X = mark, Color = ChartTheme.Soft, LineStyle = LineStyle.Dash });
        foreach (var line in lines)
        {
            var color = ChartTheme.Series(line.Color);
            var drawn = line.Points.Where(IsDrawn).ToArray();
            var series = new LineSeries
            {
                Color = color,
                StrokeThickness = 2,
                LineStyle = line.IsDashed || line.Color >= ChartTheme.Count ? LineStyle.Dash : LineStyle.Solid,
                MarkerType = drawn.Length <= MostMarkers ? MarkerType.Circle : MarkerType.None,
                MarkerFill = color,
                MarkerSize = 2.5,
            };
            series.Points.AddRange(drawn.Select(point => new DataPoint(point.X, point.Y)));
            plot.Series.Add(series);
        }

        return ChartTheme.Draw(plot, title, Plot.Width, Plot.Height, up, [.. lines.DistinctBy(line => line.Name).Select(line => (Plot.ShortName(line.Name), line.Color))]);

        bool IsDrawn((double X, double Y) point) => double.IsFinite(point.X) && double.IsFinite(point.Y) && (!isLogarithmic || point.X > 0);
    }
}
