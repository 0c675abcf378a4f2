namespace MultiInputNet.Insights;

/// <summary>Tables of a report. One that is too wide for its page is moved sideways on its own.</summary>
internal static class ReportTable
{
    /// <summary>What ends a table.</summary>
    public static Markup End { get; } = new("</tbody></table></div>");

    /// <summary>What begins a table.</summary>
    public static Markup Begin(string title, string kind = "") => Html.Of($"<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{title}\"><table class=\"{kind}\">");

    /// <summary>A bar.</summary>
    /// <param name="share">Its length, from 0 to 1.</param>
    /// <param name="isWarm">Whether it has the warm colour.</param>
    public static Markup Bar(double share, bool isWarm = false) => Html.Of($"<span class=\"bar{(isWarm ? " warm" : "")}\"><span style=\"width:{(double.IsFinite(share) ? 100 * Math.Clamp(share, 0, 1) : 0):0.#}%\"></span></span>");

    /// <summary>A number that may be missing.</summary>
    public static Markup Number(double value, string format) => double.IsFinite(value) ? Html.Of($"{value.ToString(format, System.Globalization.CultureInfo.InvariantCulture)}") : new("–");
}
