using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The <see cref="EvaluationReport"/> of a task so far.</summary>
/// <param name="task">The task.</param>
/// <param name="head">Its head.</param>
/// <param name="spec">What the head was built from, for names.</param>
/// <param name="keepPredictions">Whether to keep the prediction for each sample.</param>
internal sealed class ReportTally(string task, TaskHead head, HeadSpec spec, bool keepPredictions)
{
    private readonly List<EvaluatedSample> predictions = [];
    private ScoreTally? scores;
    private bool hasScores = true;

    /// <summary>Adds a batch.</summary>
    public void Add(DataSource source, IReadOnlyList<long> rows, Tensor output, Tensor target)
    {
        using var scope = NewDisposeScope();
        var answers = head.Answer(output).reshape(rows.Count, -1);
        scores ??= Create(NamesOf((int)answers.shape[1]));

        // A user's head may have labels of its own form, and mark missing ones in its own way.
        hasScores &= head.CountLabels(target) == TaskHead.Present(target).sum().ToInt64() && scores.Add(answers, target);
        if (!keepPredictions)
            return;
        var labels = ScoreTally.Numbers(target).Chunk((int)(target.numel() / rows.Count)).ToArray();
        foreach (var (index, prediction) in Answers.Of(task, head, spec, output).Index())
            predictions.Add(new(source.Name, rows[index], source.NameOf(rows[index]), labels[index], prediction));
    }

    public EvaluationReport Result()
    {
        var report = hasScores && scores is not null ? scores.Result() : new();
        report.Predictions = predictions;
        return report;
    }

    private ScoreTally Create(IReadOnlyList<string> names) => head.PredictionKind switch
    {
        PredictionKind.Class => new ClassTally(names),
        PredictionKind.Labels => new LabelTally(names),
        _ => new ValueTally(names),
    };

    private IReadOnlyList<string> NamesOf(int width) => spec.OutputLabels is { } names && names.Count == width
        ? names
        : [.. Enumerable.Range(0, width).Select(number => FormattableString.Invariant($"{number}"))];
}
