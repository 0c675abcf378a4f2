using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Writes a training's progress as TensorBoard event files.</summary>
internal sealed class TrainingLog
{
    private readonly string folder;
    private readonly TorchSharp.Modules.SummaryWriter writer;

    /// <summary>Creates the file.</summary>
    /// <param name="folder">Where; it is made if it is not there.</param>
    /// <exception cref="MultiInputException">The folder cannot be written to.</exception>
    public TrainingLog(string folder)
    {
        this.folder = folder;
        try
        {
            Directory.CreateDirectory(folder);
            writer = utils.tensorboard.SummaryWriter(folder);
        }
        catch (Exception e) when (CheckpointStore.IsOfFiles(e))
        {
            throw Unwritable(e);
        }
    }

    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public void Write(TrainingProgress progress)
    {
        try
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
        catch (Exception e) when (CheckpointStore.IsOfFiles(e))
        {
            throw Unwritable(e);
        }
    }

    private MultiInputException Unwritable(Exception cause) => new(
        $"folder '{folder}'",
        ModelComponent.Training,
        $"TensorBoard event files cannot be written there: {cause.Message}",
        "Set TensorBoardFolder to a folder that exists or can be created, and is writable.",
        cause);
}
