using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>What the model looks at: attributions to samples of each task, importance, filters and feature maps.</summary>
internal static class LooksSection
{
    private const int ExampleSteps = 32;
    private const int MostExampleSteps = 256;
    private const int AverageSteps = 16;
    private const int MostColumns = 30;
    private const int MostPictures = 16;
    private const int MostTokens = 64;
    private const int SomeRows = 4; // of which one at least can be read, most likely

    /// <summary>How many multiplications averages over samples may take for a task: some seconds.</summary>
    private const double Budget = 6e10;

    public static void Write(ReportContext report, Html html)
    {
        html.Add($"<p class=\"note\">For the answer that the model gives: integrated gradients say what each element adds to it (blue speaks against, red for it), Grad-CAM where the base finds it.</p>\n");
        foreach (var route in report.Model.Routes)
        {
            report.CancellationToken.ThrowIfCancellationRequested();
            html.Add($"<article class=\"task\"><h3>{Html.Name(route.Task)}</h3>\n");
            if (report.Data.FirstOrDefault(source => route.Inputs.All(source.InputNames.Contains)) is { } source)
                WriteTask(report, route, source, html);
            else
                html.Add($"<p class=\"missing\">No source has all of its inputs ({string.Join(", ", route.Inputs)}); pass one that has.</p>");
            html.Add($"</article>\n");
        }

        html.Add($"<article class=\"task\"><h3>First filters and feature maps</h3>\n");
        foreach (var path in report.Model.Paths)
            WriteFilters(report, path, html);
        html.Add($"</article>\n");
    }

    private static void WriteTask(ReportContext report, Route route, DataSource source, Html html)
    {
        var multiplications = report.Model.Paths.Where(path => route.Inputs.Contains(path.Name)).Sum(path => (double)path.Macs) + route.Macs;
        var affordable = (long)Math.Clamp(Budget / (3 * AverageSteps * Math.Max(1, multiplications)), Math.Max(1, report.Options.Examples), Math.Max(1, report.Options.Samples));
        var target = Explained(report, route, source);
        if (target is { } first)
            html.Add($"<p class=\"note\">Of its outputs, number {first} is explained.</p>\n");
        if (report.Options.Samples > 0)
        {
            using var scope = NewDisposeScope();
            var batch = source.Read(ReportContext.Spaced(source.Count, affordable));
            if (batch.Rows.Count > 0)
                WriteImportance(report, route, Insight.IntegratedGradients(report.Model, route.Task, Of(route, batch), target, options: new() { Steps = AverageSteps, Tolerance = null }), batch.Rows.Count, html);
        }

        if (report.Options.Examples == 0)
            return;
        using var examples = NewDisposeScope();
        var shown = source.Read(ReportContext.Spaced(source.Count, report.Options.Examples));
        if (shown.Rows.Count == 0)
            return;
        var inputs = Of(route, shown);
        var attributions = Insight.IntegratedGradients(report.Model, route.Task, inputs, target, options: new() { Steps = ExampleSteps, MostSteps = MostExampleSteps });
        var maps = route.Inputs.Any(input => SpecOf(report, input) is ImageInput) ? Insight.GradCam(report.Model, route.Task, inputs, target) : new Dictionary<string, Tensor>();
        var attention = AttentionView.Of(report, route, inputs);
        html.Add($"<ul class=\"samples wide\">");
        foreach (var (index, row) in shown.Rows.Index())
        {
            html.Add($"<li>");
            foreach (var input in route.Inputs)
                WriteSample(report, input, inputs[input][index], attributions[input][index], maps.GetValueOrDefault(input)?[index], attention.At(index, input), html);
            if (attention.SharesOf(index) is { Length: > 0 } shares)
                html.Add($"<p class=\"soft\">attention of the fusion: {shares}</p>");
            html.Add($"<p class=\"soft\">{Html.ShortName(source.NameOf(row), 60)}</p></li>\n");
        }

        html.Add($"</ul>\n");
        if (attention.IsThere)
            html.Add($"<p class=\"note\">Attention: the share of its weight that each position gets, as a mean over heads and over the positions that the layer returns; it says where a layer looks, not whether that speaks for the answer.</p>\n");
        if (attention.Missing.Length > 0)
            html.Add($"<p class=\"note\">{attention.Missing}</p>\n");
    }

    /// <summary>The output to explain where a task has several and none of them is its answer; null otherwise.</summary>
    private static long? Explained(ReportContext report, Route route, DataSource source)
    {
        using var quiet = report.Quiet();
        var batch = source.Read(ReportContext.Spaced(source.Count, SomeRows));
        if (batch.Rows.Count == 0)
            return null;
        var output = report.Model.forward(Of(route, batch), [route.Task])[route.Task];
        return TaskCall.Default(route, output.reshape(output.shape[0], -1)) is null ? 0 : null;
    }

    private static Dictionary<string, Tensor> Of(Route route, InputBatch batch) => route.Inputs.ToDictionary(input => input, input => batch.Inputs[input]);

    private static InputSpec SpecOf(ReportContext report, string input) => report.Model.Paths.First(path => path.Name == input).Spec;

    private static void WriteImportance(ReportContext report, Route route, IReadOnlyDictionary<string, Tensor> attributions, int count, Html html)
    {
        html.Add($"<div class=\"panels\">");
        if (route.Inputs.Count > 1)
            Bars("input", Insight.InputImportance(attributions));
        foreach (var (input, attribution) in attributions)
        {
            var spec = SpecOf(report, input);
            if (spec is not TokenInput && spec.Shape[0] > 1)
                Bars(spec is ImageInput ? $"band of {input}" : spec is TabularInput ? $"column of {input}" : $"feature of {input}", Insight.ChannelImportance(report.Model, input, attribution));
            if (spec.SequenceLength is { } length)
            {
                var shares = Insight.PositionImportance(report.Model, input, attribution).to(ScalarType.Float64).mean([0]).Numbers<double>();
                html.Add($"<figure>{new Markup(LineChart.Draw($"Importance of the positions of {input}", "position", Plot.ShortName($"importance, {input}"), [new(input, [.. shares.Index().Select(share => ((double)share.Index, share.Item))], 0)]).OnPage)}</figure>");
            }
        }

        html.Add($"</div><p class=\"note\">Shares of the absolute integrated gradients over {count:N0} evenly spaced samples.</p>\n");

        void Bars(string what, IReadOnlyList<Importance> all)
        {
            var most = all.Max(one => one.Share);
            html.Add($"<div>{ReportTable.Begin("Importance")}<thead><tr><th>{Html.Shorten(what, 40)}</th><th class=\"number\">share</th><th class=\"bars\"></th></tr></thead><tbody>");
            foreach (var one in all.Count > MostColumns ? all.OrderByDescending(one => one.Share).Take(MostColumns) : all)
                html.Add($"<tr><th scope=\"row\">{Html.ShortName(one.Name, 40)}</th><td class=\"number\">{100 * one.Share:0.0} %</td><td class=\"bars\">{ReportTable.Bar(most > 0 ? one.Share / most : 0)}</td></tr>");
            html.Add($"{ReportTable.End}</div>");
        }
    }

    private static void WriteSample(ReportContext report, string input, Tensor sample, Tensor attribution, Tensor? map, IReadOnlyList<(string Layer, Tensor Map)> attention, Html html)
    {
        using var scope = NewDisposeScope();
        var values = attribution.to(ScalarType.Float64).cpu().nan_to_num(0, 0, 0);
        switch (SpecOf(report, input))
        {
            case ImageInput:
                var scale = report.ScaleOf(input);
                var picture = scale.Picture(sample);
                html.Add($"<div class=\"pictures\"><figure>{SampleView.Image(picture, $"sample of {input}")}<figcaption>{(scale.Caption.Length > 0 ? scale.Caption : "sample")}</figcaption></figure>");
                var sum = Fit(values.sum([0]), picture);
                html.Add($"<figure>{SampleView.Image(Pictures.Colored(sum, ColorMap.BlueRed), $"integrated gradients of {input}")}<figcaption>integrated gradients</figcaption></figure>");
                if (map is not null)
                    html.Add($"<figure>{SampleView.Image(Pictures.Overlay(picture, map.to(ScalarType.Float32)), $"Grad-CAM of {input}")}<figcaption>Grad-CAM</figcaption></figure>");
                foreach (var (layer, attended) in attention)
                    html.Add($"<figure>{SampleView.Image(Pictures.Overlay(picture, attended), $"attention of {layer} to {input}")}<figcaption>attention of {layer}</figcaption></figure>");
                html.Add($"</div>");
                break;
            case TabularInput table:
                WriteRow(table, sample, values, html);
                break;
            case TokenInput:
                WriteTokens(sample, values, html);
                foreach (var (layer, attended) in attention)
                {
                    html.Add($"<p class=\"soft\">attention of {layer}</p>");
                    WriteTokens(sample, attended, html);
                }

                break;
            default:
                html.Add($"{SampleView.Of(report, input, sample)}<p class=\"soft\">integrated gradients</p>{SampleView.WideImage(Pictures.Colored(values, ColorMap.BlueRed), $"integrated gradients of {input}", (int)Math.Clamp(values.shape[0] * 12, 12, 96))}");
                foreach (var (layer, attended) in attention)
                    html.Add($"<p class=\"soft\">attention of {layer}</p>{SampleView.WideImage(Pictures.Colored(attended.unsqueeze(0)), $"attention of {layer} to {input}", 14)}");
                break;
        }
    }

    private static Tensor Fit(Tensor map, Tensor picture) => map.shape[0] == picture.shape[1] && map.shape[1] == picture.shape[2] ? map
        : nn.functional.adaptive_avg_pool2d(map.unsqueeze(0).unsqueeze(0), [picture.shape[1], picture.shape[2]])[0, 0];

    private static void WriteRow(TabularInput table, Tensor sample, Tensor attribution, Html html)
    {
        var (values, shares) = (Numbers(sample), Numbers(attribution));
        var most = Math.Max(shares.Max(Math.Abs), double.Epsilon);
        html.Add($"{ReportTable.Begin("Attribution by column")}<thead><tr><th>column</th><th class=\"number\">value</th><th class=\"number\">adds</th><th class=\"bars\"></th></tr></thead><tbody>");
        foreach (var (column, share) in shares.Index().OrderByDescending(its => Math.Abs(its.Item)).Take(8))
            html.Add($"<tr><th scope=\"row\">{Html.ShortName(SampleView.Column(table, column), 24)}</th><td class=\"number\">{Html.ShortName(SampleView.Value(table, column, values[column]), 16)}</td><td class=\"number\">{share:0.00;-0.00;0.00}</td><td class=\"bars\">{ReportTable.Bar(Math.Abs(share) / most, isWarm: share > 0)}</td></tr>");
        html.Add($"{ReportTable.End}");
    }

    private static void WriteTokens(Tensor sample, Tensor attribution, Html html)
    {
        var (tokens, shares) = (Numbers(sample), Numbers(attribution));
        var most = Math.Max(shares.Max(Math.Abs), double.Epsilon);
        html.Add($"<p class=\"tokens\">");
        foreach (var (token, share) in tokens.Zip(shares).Take(MostTokens))
            html.Add($"<span class=\"{(share < 0 ? "right" : "wrong")}\" style=\"--share:{100 * Math.Abs(share) / most:0.#}%\">{token:0}</span> ");
        html.Add($"</p>");
    }

    private static void WriteFilters(ReportContext report, InputPath path, Html html)
    {
        using var scope = NewDisposeScope();
        html.Add($"<h4>{Html.Name(path.Name)}</h4>");
        try
        {
            var filters = Insight.Filters(report.Model, path.Name).to(ScalarType.Float64).cpu();
            html.Add($"<p class=\"note\">Filters: {Shapes.Sizes(filters.shape)}{(filters.dim() == 4 && filters.shape[1] > 1 ? ", each as the mean over its channels" : "")}</p><div class=\"pictures\">");
            if (filters.dim() == 2)
                html.Add($"{SampleView.WideImage(Pictures.Colored(filters, ColorMap.BlueRed), $"filters of {path.Name}", (int)Math.Clamp(filters.shape[0] * 2, 40, 160))}");
            for (var number = 0; filters.dim() > 2 && number < Math.Min(filters.shape[0], MostPictures); number++)
                html.Add($"{Small(filters.dim() == 4 ? filters[number].mean([0]) : filters[number], ColorMap.BlueRed, $"filter {number} of {path.Name}")}");
            html.Add($"</div>");
        }
        catch (MultiInputException)
        {
            html.Add($"<p class=\"note\">Its projection has no filters.</p>");
        }

        if (report.Data.FirstOrDefault(its => its.InputNames.Contains(path.Name)) is not { } source
            || source.Read(ReportContext.Spaced(source.Count, SomeRows)) is not { Rows.Count: > 0 } first)
            return;
        var maps = Insight.FeatureMaps(report.Model, path.Name, first.Inputs[path.Name])[0].to(ScalarType.Float64).cpu();
        if (maps.dim() != 3 || maps.shape[1] * maps.shape[2] == 1)
            return;
        html.Add($"<p class=\"note\">What the base returns for the first sample: {Shapes.Sizes(maps.shape)}, the first channels</p><div class=\"pictures\">");
        for (var number = 0; number < Math.Min(maps.shape[0], MostPictures); number++)
            html.Add($"{Small(maps[number], ColorMap.Viridis, $"channel {number} of the base for {path.Name}")}");
        html.Add($"</div>\n");
    }

    private static Markup Small(Tensor map, ColorMap colors, string description)
    {
        var picture = Pictures.Colored(map, colors);
        var factor = Math.Max(1, 56 / Math.Max(picture.shape[1], picture.shape[2]));
        return Html.Of($"<img class=\"pixels\" alt=\"{description}\" width=\"{picture.shape[2] * factor}\" height=\"{picture.shape[1] * factor}\" src=\"data:image/png;base64,{Convert.ToBase64String(Pictures.ToPng(picture))}\">");
    }

    private static double[] Numbers(Tensor values) => values.to(ScalarType.Float64).Numbers<double>();
}
