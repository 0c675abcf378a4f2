using Microsoft.Extensions.Logging;
using MultiInputNet.Training;

namespace MultiInputNet.Logging;

/// <summary>
/// Logs a training's progress: steps as <see cref="LogLevel.Debug"/>; epochs and checkpoints as <see cref="LogLevel.Information"/>; what is
/// probably a mistake (<see cref="TrainingProgress.Warnings"/>), and a source that has been seen so often that it may be memorised, as a
/// <see cref="LogLevel.Warning"/>, once.
/// </summary>
/// <param name="logger">The logger.</param>
/// <param name="next">Another receiver of the progress; none when null.</param>
public sealed partial class TrainingLogger(ILogger logger, IProgress<TrainingProgress>? next = null) : IProgress<TrainingProgress>
{
    private readonly HashSet<string> warned = [];

    /// <summary>The number of passes over a source beyond which a warning is logged.</summary>
    /// <value>Default: 200.</value>
    public double MostPasses { get; init; } = 200;

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        foreach (var warning in value.Warnings)
            LogWarning(warning);
        foreach (var (task, loss) in value.Losses)
            LogStep(value.Step, value.Steps, task, loss, value.LearningRate);
        if (value.EpochResult is { } result)
        {
            foreach (var (task, loss) in result.Losses)
                LogEpoch(result.Epoch, value.Epochs, result.Phase, task, loss);
            foreach (var (task, evaluation) in result.Validation)
                LogValidation(result.Epoch, task, evaluation.Loss, evaluation.Primary, evaluation.PrimaryValue);
        }

        foreach (var (source, passes) in value.EpochsSeen.Where(pair => pair.Value > MostPasses && warned.Add(pair.Key)))
            LogPasses(source, passes);
        if (value.Checkpoint is not null)
            LogCheckpoint(value.Step, value.Checkpoint);
        next?.Report(value);
    }

    [LoggerMessage(1, LogLevel.Debug, "Step {Step} of {Steps}: loss of task '{Task}' {Loss}, learning rate {LearningRate}.")]
    private partial void LogStep(long step, long steps, string task, double loss, double learningRate);

    [LoggerMessage(2, LogLevel.Information, "Epoch {Epoch} of {Epochs}, phase {Phase}: training loss of task '{Task}' {Loss}.")]
    private partial void LogEpoch(int epoch, int epochs, int phase, string task, double loss);

    [LoggerMessage(3, LogLevel.Information, "Epoch {Epoch}: validation loss of task '{Task}' {Loss}, {Metric} {Value}.")]
    private partial void LogValidation(int epoch, string task, double loss, string metric, double value);

    [LoggerMessage(4, LogLevel.Warning, "Source '{Source}' has been seen {Passes} times: its samples may be memorised.")]
    private partial void LogPasses(string source, double passes);

    [LoggerMessage(5, LogLevel.Information, "Step {Step}: wrote checkpoint '{Path}'.")]
    private partial void LogCheckpoint(long step, string path);

    [LoggerMessage(6, LogLevel.Warning, "{Warning}")]
    private partial void LogWarning(string warning);
}
