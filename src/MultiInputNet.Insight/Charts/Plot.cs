using OxyPlot;
using OxyPlot.Axes;

namespace MultiInputNet.Insights;

/// <summary>What all charts have in common.</summary>
internal static class Plot
{
    public const int Width = 460;
    public const int Height = 270;
    private const int LongestName = 28;

    /// <summary>An empty plot.</summary>
    public static PlotModel New() => new()
    {
        TextColor = ChartTheme.Ink,
        PlotAreaBorderColor = ChartTheme.Soft,
        PlotAreaBorderThickness = new(1, 0, 0, 1),

        // Browsers' fonts are wider than OxyPlot expects.
        Padding = new(22, 8, 14, 6),
        Culture = System.Globalization.CultureInfo.InvariantCulture,
    };

    /// <summary>An axis of numbers.</summary>
    public static LinearAxis Axis(AxisPosition position, string? title = null) => Style(new LinearAxis(), position, title);

    /// <summary>An axis of powers of ten.</summary>
    public static LogarithmicAxis LogarithmicAxis(AxisPosition position, string title) => Style(new LogarithmicAxis { UseSuperExponentialFormat = false }, position, title);

    /// <summary>A name that fits into a legend.</summary>
    public static string ShortName(string name) => Html.Shorten(string.Concat(name.Where(c => !char.IsControl(c))), LongestName);

    private static TAxis Style<TAxis>(TAxis axis, AxisPosition position, string? title)
        where TAxis : Axis
    {
        axis.Position = position;
        axis.Title = title;
        axis.AxisTitleDistance = 12;
        axis.TextColor = ChartTheme.Ink;
        axis.TitleColor = ChartTheme.Ink;
        axis.TicklineColor = ChartTheme.Soft;
        axis.MinorTickSize = 0;
        axis.MajorTickSize = 4;
        axis.MajorGridlineStyle = LineStyle.Solid;
        axis.MajorGridlineColor = ChartTheme.Grid;
        axis.MinimumPadding = 0.02;
        axis.MaximumPadding = 0.04;
        return axis;
    }
}
