using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace MultiInputNet.Insights;

/// <summary>Points of a series.</summary>
internal sealed record ChartPoints(string Name, IReadOnlyList<(double X, double Y)> Points, int Color);

/// <summary>Points in a plane, in colours by series.</summary>
internal static class ScatterChart
{
    private static readonly MarkerType[] markers = [MarkerType.Circle, MarkerType.Square, MarkerType.Triangle, MarkerType.Diamond];

    /// <param name="title">What it shows.</param>
    /// <param name="across">The title of the horizontal axis.</param>
    /// <param name="up">What the vertical axis measures.</param>
    /// <param name="series">The points.</param>
    /// <param name="hasDiagonal">Whether both axes have one range, with a line where they are equal.</param>
    public static SvgChart Draw(string title, string across, string up, IReadOnlyList<ChartPoints> series, bool hasDiagonal = false)
    {
        var plot = Plot.New();
        var (horizontal, vertical) = (Plot.Axis(AxisPosition.Bottom, across), Plot.Axis(AxisPosition.Left));
        var all = series.SelectMany(one => one.Points).Where(IsDrawn).ToArray();
        if (all.Length > 0)
        {
            (double Low, double High) Range(IEnumerable<double> values) => values.ToArray() is var numbers && numbers.Max() > numbers.Min()
                ? (numbers.Min() - 0.04 * (numbers.Max() - numbers.Min()), numbers.Max() + 0.04 * (numbers.Max() - numbers.Min()))
                : (numbers[0] - 1, numbers[0] + 1);
            var both = all.SelectMany(point => (double[])[point.X, point.Y]);
            (horizontal.Minimum, horizontal.Maximum) = Range(hasDiagonal ? both : all.Select(point => point.X));
            (vertical.Minimum, vertical.Maximum) = Range(hasDiagonal ? both : all.Select(point => point.Y));
        }

        plot.Axes.Add(horizontal);
        plot.Axes.Add(vertical);
        if (hasDiagonal)
            plot.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.LinearEquation, Slope = 1, Intercept = 0, Color = ChartTheme.Soft, LineStyle = LineStyle.Dash });
        foreach (var one in series)
        {
            var points = new ScatterSeries
            {
                MarkerType = markers[one.Color / ChartTheme.Count % markers.Length],
                MarkerSize = 2.5,
                MarkerFill = ChartTheme.Series(one.Color),
            };
            points.Points.AddRange(one.Points.Where(IsDrawn).Select(point => new ScatterPoint(point.X, point.Y)));
            plot.Series.Add(points);
        }

        return ChartTheme.Draw(plot, title, Plot.Width, Plot.Height + 60, up, [.. series.Select(one => (Plot.ShortName(one.Name), one.Color))]);

        static bool IsDrawn((double X, double Y) point) => double.IsFinite(point.X) && double.IsFinite(point.Y);
    }
}
