using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>The worst mistakes of a task, with the samples.</summary>
internal static class Mistakes
{
    private const int LongestName = 60;
    private const double Threshold = 0.5;

    public static void Write(ReportContext report, string task, Html html)
    {
        var worst = Find(report.PredictionsOf(task), report.Options.Mistakes);
        if (report.Options.Mistakes == 0)
            return;
        if (worst.Length == 0)
        {
            html.Add($"<p class=\"note\">No mistakes.</p>\n");
            return;
        }

        html.Add($"<h4>Worst mistakes</h4><p class=\"note\">{(worst[0].Sample.Prediction.Kind == PredictionKind.Values ? "The largest errors" : "Wrong, with the highest probability")}{(report.KeepsSome ? Html.Of($", of {ReportContext.MostPredictions:N0} evenly spaced samples") : default)}.</p><ul class=\"samples\">");
        foreach (var (sample, text) in worst)
        {
            using var scope = NewDisposeScope();
            html.Add($"<li>");
            foreach (var (input, batch) in (report.Read(sample) ?? new Dictionary<string, Tensor>()).Where(pair => report.Model.FindRoute(task).Inputs.Contains(pair.Key)))
                html.Add($"{SampleView.Of(report, input, batch[0])}");
            html.Add($"<p>{text}</p><p class=\"soft\">{Html.ShortName(sample.Name, LongestName)}</p></li>\n");
        }

        html.Add($"</ul>\n");
    }

    private static (EvaluatedSample Sample, Markup Text)[] Find(IReadOnlyList<EvaluatedSample> samples, int most) => samples.Count == 0 ? [] : samples[0].Prediction.Kind switch
    {
        PredictionKind.Class => Worst(samples, most, sample => sample.Label is [>= 0 and var label] && (int)label != sample.Prediction.ClassIndex ? sample.Prediction.Probability : 0, sample =>
            Html.Of($"<b>{Html.ShortName(sample.Prediction.ClassName, LongestName)}</b> {100 * sample.Prediction.Probability:0.0} %, is {Html.ShortName(sample.Prediction.Classes[(int)sample.Label[0]].Name, LongestName)} {100 * sample.Prediction.Classes[(int)sample.Label[0]].Probability:0.0} %")),
        PredictionKind.Labels => Worst(samples, most, sample => Wrong(sample).Probability, sample => Wrong(sample) is var wrong && sample.Label[wrong.Label] > Threshold
            ? Html.Of($"has <b>{Html.ShortName(wrong.Name, LongestName)}</b>, which got {100 * (1 - wrong.Probability):0.0} %")
            : Html.Of($"does not have <b>{Html.ShortName(wrong.Name, LongestName)}</b>, which got {100 * wrong.Probability:0.0} %")),
        _ => Worst(samples, most, sample => Error(sample).Error, sample => Error(sample) is var error ? Html.Of($"{Output(sample, error.Output)}<b>{sample.Prediction.Values[error.Output]:G5}</b>, is {sample.Label[error.Output]:G5}{(sample.Prediction.Unit is { } unit ? Html.Of($" {Html.Name(unit)}") : default)}") : default),
    };

    // Sorting is stable, so that equal ones keep their order.
    private static (EvaluatedSample Sample, Markup Text)[] Worst(IReadOnlyList<EvaluatedSample> samples, int most, Func<EvaluatedSample, double> badness, Func<EvaluatedSample, Markup> text) =>
        [.. samples.Select(sample => (Sample: sample, Badness: badness(sample))).Where(its => its.Badness > 0).OrderByDescending(its => its.Badness).Take(most).Select(its => (its.Sample, text(its.Sample)))];

    /// <summary>The label of which the model is most wrongly sure, and how sure it is of the opposite; 0 if every label is right.</summary>
    private static (int Label, string Name, double Probability) Wrong(EvaluatedSample sample) => sample.Prediction.Labels.Zip(sample.Label).Index()
        .Select(its => (its.Index, its.Item.First.Name, Probability: double.IsNaN(its.Item.Second) ? 0 : its.Item.Second > Threshold ? 1 - its.Item.First.Probability : its.Item.First.Probability))
        .Select(its => its with { Probability = its.Probability >= Threshold ? its.Probability : 0 }).MaxBy(its => its.Probability);

    private static (int Output, double Error) Error(EvaluatedSample sample) => sample.Prediction.Values.Zip(sample.Label).Index()
        .Select(its => (its.Index, Error: double.IsNaN(its.Item.Second) ? 0 : Math.Abs(its.Item.First - its.Item.Second))).MaxBy(its => its.Error);

    private static Markup Output(EvaluatedSample sample, int output) => sample.Prediction.Values.Count == 1 ? default
        : Html.Of($"{(sample.Prediction.ValueNames is { } names ? Html.ShortName(names[output], LongestName) : Html.Of($"output {output}"))}: ");
}
