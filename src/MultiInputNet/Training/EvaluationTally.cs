using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The results of an evaluation for a task so far.</summary>
internal sealed class EvaluationTally(string task, TaskHead head)
{
    private readonly TaskMetrics metrics = head.CreateMetrics();
    private double losses;
    private double divisor;
    private long samples;
    private long broken;

    /// <summary>Adds a batch.</summary>
    public void Add(Tensor output, Tensor target)
    {
        broken += CountBroken(output);
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

    public TaskEvaluation Result() => new()
    {
        Loss = losses / divisor,
        Metrics = metrics.Compute(),
        Primary = metrics.Primary,
        HigherIsBetter = metrics.HigherIsBetter,
        Count = samples,
        Score = metrics.Score,
    };

    private long CountBroken(Tensor output)
    {
        using var scope = NewDisposeScope();
        var wrong = head.MayGiveInfinity ? output.isnan() : output.isfinite().logical_not();
        return (wrong.dim() > 1 ? wrong.flatten(start_dim: 1).any(1) : wrong).sum().ToInt64();
    }
}
