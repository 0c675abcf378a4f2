namespace MultiInputNet.Insights;

/// <summary>Tables of numbers whose cells are the more coloured the larger the number is.</summary>
internal static class HeatTable
{
    /// <summary>A cell.</summary>
    /// <param name="value">The number; – if it is not finite.</param>
    /// <param name="format">How it is written.</param>
    /// <param name="most">The absolute value of the strongest colour.</param>
    public static Markup Cell(double value, string format, double most = 1) => double.IsFinite(value)
        ? Html.Of($"<td class=\"{(value < 0 ? "wrong" : "right")}\" style=\"--share:{100 * Math.Min(Math.Abs(value) / most, 1):0.#}%\">{value.ToString(format, System.Globalization.CultureInfo.InvariantCulture)}</td>")
        : new("<td class=\"none\">–</td>");

    /// <summary>A square of numbers between the same things.</summary>
    /// <param name="title">What it shows.</param>
    /// <param name="names">What rows and columns are called.</param>
    /// <param name="values">The numbers, row by row.</param>
    public static Markup Square(string title, IReadOnlyList<string> names, IReadOnlyList<IReadOnlyList<double>> values)
    {
        var html = new Html().Add($"{ReportTable.Begin(title, "confusion")}<thead><tr><th></th>");
        foreach (var name in names)
            html.Add($"<th scope=\"col\"><span>{Html.ShortName(name, 18)}</span></th>");
        html.Add($"</tr></thead><tbody>");
        foreach (var (name, row) in names.Zip(values))
        {
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(name, 24)}</th>");
            foreach (var value in row)
                html.Add($"{Cell(value, "0.00;-0.00;0.00")}");
            html.Add($"</tr>");
        }

        return html.Add($"{ReportTable.End}").ToMarkup();
    }
}
