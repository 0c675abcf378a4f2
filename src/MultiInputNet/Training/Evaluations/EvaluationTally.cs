using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The results of an evaluation for a task so far.</summary>
/// <param name="task">The task.</param>
/// <param name="head">Its head.</param>
/// <param name="report">What is found besides the metrics; null for the metrics alone.</param>
internal sealed class EvaluationTally(string task, TaskHead head, ReportTally? report)
{
    private readonly TaskMetrics metrics = head.CreateMetrics();
    private double losses;
    private double divisor;
    private long samples;
    private long broken;

    /// <summary>Adds a batch.</summary>
    public void Add(DataSource source, IReadOnlyList<long> rows, Tensor output, Tensor target)
    {
        broken += CountBroken(output);
        if (broken == 0)
            report?.Add(source, rows, output, target);
        if (!head.HasLabels(target))
            return;
        metrics.Update(output, target);
        losses += head.Loss(output, target).ToDouble() * head.Divisor(target);
        divisor += head.Divisor(target);
        samples += head.CountSamples(target);
    }

    /// <summary>Throws if the outputs for some samples of a source were not finite: metrics would hide it.</summary>
    public void CheckFinite(string source, long read)
    {
        if (broken > 0)
        {
            throw new MultiInputException(
                $"task '{task}'",
                ModelComponent.Training,
                $"its outputs for {broken:N0} of the {read:N0} samples of source '{source}' are not finite.",
                "Look for NaN or huge values in these samples, and in the model's weights and the statistics of its normalisations.");
        }
    }

    public TaskEvaluation Result()
    {
        var found = report?.Result();
        var numbers = new OrderedDictionary<string, double>(metrics.Compute());
        foreach (var (name, value) in found?.Metrics ?? [])
            numbers.TryAdd(name, value);
        return new()
        {
            Loss = losses / divisor,
            Metrics = numbers,
            Primary = metrics.Primary,
            HigherIsBetter = metrics.HigherIsBetter,
            Count = samples,
            Score = metrics.Score,
            Report = found,
        };
    }

    private long CountBroken(Tensor output)
    {
        using var scope = NewDisposeScope();
        var wrong = head.MayGiveInfinity ? output.isnan() : output.isfinite().logical_not();
        return (wrong.dim() > 1 ? wrong.flatten(start_dim: 1).any(1) : wrong).sum().ToInt64();
    }
}
