using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Writes a training's progress as TensorBoard's event files.</summary>
internal sealed class TrainingLog(string folder)
{
    private readonly TorchSharp.Modules.SummaryWriter writer = utils.tensorboard.SummaryWriter(folder);

    public void Write(TrainingProgress progress)
    {
        var step = (int)progress.Step;
        writer.add_scalar("learning_rate", (float)progress.LearningRate, step);
        foreach (var (task, loss) in progress.Losses)
            writer.add_scalar($"training/{task}/loss", (float)loss, step);
        foreach (var (task, evaluation) in progress.EpochResult?.Validation ?? new Dictionary<string, TaskEvaluation>())
        {
            writer.add_scalar($"validation/{task}/loss", (float)evaluation.Loss, step);
            foreach (var (metric, value) in evaluation.Metrics)
                writer.add_scalar($"validation/{task}/{metric}", (float)value, step);
        }
    }
}
