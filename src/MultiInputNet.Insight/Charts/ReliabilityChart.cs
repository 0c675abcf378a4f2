using MultiInputNet.Training;
using OxyPlot;
using OxyPlot.Annotations;
using OxyPlot.Axes;
using OxyPlot.Series;

namespace MultiInputNet.Insights;

/// <summary>A reliability diagram: how often predictions of a probability are right.</summary>
internal static class ReliabilityChart
{
    private const int Width = 340;
    private const int Height = 280;

    public static SvgChart Draw(Calibration calibration, string title)
    {
        var plot = Plot.New();
        var (across, up) = (Plot.Axis(AxisPosition.Bottom, "mean probability"), Plot.Axis(AxisPosition.Left));
        foreach (var axis in new[] { across, up })
            (axis.Minimum, axis.Maximum, axis.MajorStep) = (0, 1, 0.2);
        plot.Axes.Add(across);
        plot.Axes.Add(up);
        var color = ChartTheme.Series(0);
        foreach (var bin in calibration.Bins.Where(bin => bin.Count > 0))
        {
            plot.Annotations.Add(new RectangleAnnotation
            {
                MinimumX = bin.From, MaximumX = bin.To, MinimumY = 0, MaximumY = bin.Frequency, Fill = color, Layer = AnnotationLayer.BelowSeries,
            });
        }

        plot.Annotations.Add(new LineAnnotation { Type = LineAnnotationType.LinearEquation, Slope = 1, Intercept = 0, Color = ChartTheme.Ink, LineStyle = LineStyle.Dash });
        var points = new ScatterSeries { MarkerType = MarkerType.Circle, MarkerSize = 3.5, MarkerFill = ChartTheme.Series(1) };
        points.Points.AddRange(calibration.Bins.Where(bin => bin.Count > 0).Select(bin => new ScatterPoint(bin.Probability, bin.Frequency)));
        plot.Series.Add(points);
        return ChartTheme.Draw(plot, title, Width, Height, "share that is right", []);
    }
}
