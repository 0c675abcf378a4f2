using System.Globalization;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Samples as people look at them: pictures, strips of sequences, tokens, rows of tables.</summary>
internal static class SampleView
{
    private const int MostColumns = 24;
    private const int MostTokens = 64;
    private const int MostSteps = 512;
    private const int LongestValue = 24;

    /// <summary>A sample of an input.</summary>
    /// <param name="report">The report.</param>
    /// <param name="input">The input.</param>
    /// <param name="sample">The sample, without a batch dimension.</param>
    public static Markup Of(ReportContext report, string input, Tensor sample)
    {
        using var scope = NewDisposeScope();
        var spec = report.Model.Description.Inputs.First(described => described.Name == input).Spec;
        return spec switch
        {
            ImageInput => Image(report.ScaleOf(input).Picture(sample), $"sample of {input}"),
            TabularInput table => Row(table, sample),
            TokenInput => Tokens(sample),
            _ => Strip(sample, $"sample of {input}: {Shapes.Sizes(spec.Shape)}"),
        };
    }

    /// <summary>A picture within the page.</summary>
    /// <param name="picture">As <see cref="Pictures.ToPng"/> takes it.</param>
    /// <param name="description">What it shows.</param>
    public static Markup Image(Tensor picture, string description)
    {
        var (height, width) = (picture.shape[^2], picture.shape[^1]);

        // Small pictures are enlarged by whole numbers, so that their pixels stay squares.
        var factor = Math.Max(1, 112 / Math.Max(height, width));
        return Html.Of($"<img class=\"pixels\" alt=\"{description}\" width=\"{width * factor}\" height=\"{height * factor}\" src=\"data:image/png;base64,{Convert.ToBase64String(Pictures.ToPng(picture))}\">");
    }

    /// <summary>A picture that is as wide as there is room, whose cells need not be squares.</summary>
    public static Markup WideImage(Tensor picture, string description, int height) => Html.Of(
        $"<img class=\"strip\" alt=\"{description}\" style=\"height:{height}px\" src=\"data:image/png;base64,{Convert.ToBase64String(Pictures.ToPng(picture))}\">");

    /// <summary>The value of a column as a text: its category, or its number.</summary>
    public static string Value(TabularInput table, int column, double value) => table.Columns?[column] switch
    {
        CategoricalColumn { Categories: var categories } => value >= 1 && value <= categories.Count ? categories[(int)value - 1] : "unknown",
        _ => double.IsNaN(value) ? "missing" : value.ToString("G5", CultureInfo.InvariantCulture),
    };

    /// <summary>The name of a column.</summary>
    public static string Column(TabularInput table, int column) => table.Columns?[column].Name ?? string.Create(CultureInfo.InvariantCulture, $"column {column}");

    private static Markup Row(TabularInput table, Tensor sample)
    {
        var values = sample.to(ScalarType.Float64).Numbers<double>();
        var html = new Html().Add($"<dl class=\"row\">");
        foreach (var (column, value) in values.Take(MostColumns).Index())
            html.Add($"<div><dt>{Html.ShortName(Column(table, column), LongestValue)}</dt><dd>{Html.ShortName(Value(table, column, value), LongestValue)}</dd></div>");
        return html.Add($"{(values.Length > MostColumns ? Html.Of($"<div><dt>and</dt><dd>{values.Length - MostColumns} more</dd></div>") : default)}</dl>").ToMarkup();
    }

    private static Markup Tokens(Tensor sample)
    {
        var tokens = sample.Numbers<long>();
        return Html.Of($"<p class=\"tokens\">{string.Join(' ', tokens.Take(MostTokens).Select(token => token.ToString(CultureInfo.InvariantCulture)))}{(tokens.Length > MostTokens ? " …" : "")}</p>");
    }

    private static Markup Strip(Tensor sample, string description)
    {
        var values = sample.cpu().to(ScalarType.Float64).nan_to_num(0, 0, 0);
        if (values.shape[1] > MostSteps)
            values = nn.functional.adaptive_avg_pool1d(values.unsqueeze(0), MostSteps)[0];

        // Each feature by its own range: they may be in different units.
        var (low, high) = (values.amin([1], keepdim: true), values.amax([1], keepdim: true));
        return WideImage(Pictures.Colored((values - low) / (high - low).clamp_min(1e-12), ColorMap.Viridis, 0, 1), description, (int)Math.Clamp(values.shape[0] * 12, 12, 96));
    }
}
