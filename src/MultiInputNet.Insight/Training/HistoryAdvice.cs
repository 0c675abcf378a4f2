using MultiInputNet.Data;
using MultiInputNet.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Advice from how a training went.</summary>
internal static class HistoryAdvice
{
    private const double Rise = 1.1;
    private const double Worse = 0.02;
    private const double PoorShare = 0.6;
    private const double Progress = 0.98;
    private const int FewEpochs = 10;

    /// <summary>Tasks whose validation loss rises while their training loss falls.</summary>
    public static IEnumerable<Advice> Overtrained(TrainingHistory? history)
    {
        if (history is not { Epochs: [_, _, ..] epochs } || history.BestEpoch < epochs[^1].Epoch)
            yield break;
        var last = epochs[^1];
        foreach (var (task, evaluation) in last.Validation)
        {
            var held = epochs.Where(epoch => epoch.Validation.TryGetValue(task, out var its) && double.IsFinite(its.Loss) && epoch.Losses.ContainsKey(task)).ToArray();
            if (held.Length < 2 || held.MinBy(epoch => epoch.Validation[task].Loss) is not { } best || !last.Losses.TryGetValue(task, out var trained))
                continue;
            var (least, now, before) = (best.Validation[task].Loss, evaluation.Loss, best.Losses[task]);
            if (!(now > least * Rise && trained < before))
                continue;
            yield return new()
            {
                Kind = AdviceKind.Overtrained,
                Subject = $"task '{task}'",
                Measured = FormattableString.Invariant($"since epoch {best.Epoch} its training loss fell from {before:G3} to {trained:G3} while its validation loss rose from {least:G3} to {now:G3}: it learns its samples by heart."),
                ToDo = "Stop early (TrainerOptions.EarlyStopping), augment its samples, add dropout or weight decay, or lower its share of the steps.",
                Numbers = new Dictionary<string, double>
                {
                    ["best_epoch"] = best.Epoch, ["training_before"] = before, ["training"] = trained, ["validation_before"] = least, ["validation"] = now,
                },
            };
        }
    }

    /// <summary>A base that is too small for its tasks.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sources">What it was trained on.</param>
    /// <param name="history">Its training.</param>
    /// <param name="comparison">Its tasks alone.</param>
    /// <param name="isOpposed">Whether tasks oppose each other, which explains that they are worse together.</param>
    public static IEnumerable<Advice> SmallBase(
        MultiInputModel model, IReadOnlyList<DataSource> sources, TrainingHistory? history, IReadOnlyList<JointComparison>? comparison, bool isOpposed)
    {
        const string ToDo = "Try a wider or deeper base; if training losses stay as they are, look at the inputs instead.";
        foreach (var its in isOpposed ? [] : comparison ?? [])
        {
            if (!(its.Gain < -Worse) || its.Gain > -2 * its.StandardError)
                continue;
            yield return new()
            {
                Kind = AdviceKind.SmallBase,
                Subject = $"task '{its.Task}'",
                Measured = FormattableString.Invariant($"its score is {its.Joint:0.000} together with the others and {its.Alone:0.000} alone, although no gradients oppose each other: the tasks compete for the base."),
                ToDo = ToDo,
                Numbers = new Dictionary<string, double> { ["joint"] = its.Joint, ["alone"] = its.Alone, ["standard_error"] = its.StandardError },
            };
        }

        if (history is not { Epochs: { Count: >= FewEpochs } epochs })
            yield break;
        var (last, middle) = (epochs[^1], epochs[epochs.Count / 2]);
        var shares = last.Losses.Keys.Select(task => (Task: task, Guess: LossOfGuess(model, sources, task))).Where(its => its.Guess > 0)
            .Select(its => (its.Task, Share: last.Losses[its.Task] / its.Guess, its.Guess)).ToArray();
        if (shares.Length == 0 || shares.Length < last.Losses.Count || !shares.All(IsPoor))
            yield break;
        var text = string.Join(", ", shares.Select(its => FormattableString.Invariant($"{its.Share:0%} of that of a guess for '{its.Task}'")));
        yield return new()
        {
            Kind = AdviceKind.SmallBase,
            Subject = "base",
            Measured = $"the training loss is still {text}, validation is no better, and the second half of the training changed little.",
            ToDo = $"{ToDo} A higher learning rate (LearningRateFinder) may be the cure too.",
            Numbers = shares.ToDictionary(its => $"share.{its.Task}", its => its.Share),
        };

        bool IsPoor((string Task, double Share, double Guess) its) => its.Share > PoorShare
            && middle.Losses.TryGetValue(its.Task, out var before) && last.Losses[its.Task] > before * Progress
            && (!last.Validation.TryGetValue(its.Task, out var held) || !(held.Loss < PoorShare * its.Guess));
    }

    /// <summary>
    /// The loss of the best constant answer: the entropy of the classes or labels, and the variance of standardised values, which is 1. 0
    /// if it is not known.
    /// </summary>
    private static double LossOfGuess(MultiInputModel model, IReadOnlyList<DataSource> sources, string task)
    {
        using var scope = NewDisposeScope();
        var head = model.TaskHead(task);
        var labels = sources.Select(source => source.Targets.GetValueOrDefault(task)).OfType<Tensor>().Select(its => its.cpu()).ToArray();
        if (labels.Length == 0)
            return 0;
        var all = cat(labels, 0);
        if (head.Classes is { } classes && all.dtype == ScalarType.Int64)
        {
            var counts = all[all >= 0].bincount(null, classes).to(ScalarType.Float64);
            return Entropy(counts / counts.sum().clamp_min(1)).sum().ToDouble();
        }

        if (head.PredictionKind == PredictionKind.Labels && all.is_floating_point())
        {
            var shares = all.to(ScalarType.Float64).flatten(1).nanmean(0);
            return (Entropy(shares) + Entropy(1 - shares)).nanmean().ToDouble();
        }

        return head.HasSquaredLoss ? 1 : 0;

        static Tensor Entropy(Tensor p) => -(p * p.clamp_min(1e-300).log());
    }
}
