using MultiInputNet.Data;

namespace MultiInputNet.Training;

/// <summary>The results of a training.</summary>
public sealed class TrainingHistory
{
    /// <summary>The result of each epoch.</summary>
    public required IReadOnlyList<EpochResult> Epochs { get; init; }

    /// <summary>The epoch whose weights the model has; null without early stopping, when it has those of the last.</summary>
    public int? BestEpoch { get; init; }

    /// <summary>
    /// What is legal but probably a mistake, in the order in which it was noticed: raw values without standardisation, classes with a
    /// single sample, a validation set of a few samples; and damaged checkpoints that the training skipped
    /// (<see cref="CheckpointOptions.AllowEarlier"/>).
    /// </summary>
    /// <remarks>
    /// All labels are checked, and evenly spaced samples of each source. The model's own warnings also include what was found in the data.
    /// </remarks>
    /// <value>Default: empty.</value>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>
    /// Saves a row per epoch: epoch, phase, step, learning rate, then <c>loss.TASK</c>, <c>epochs.SOURCE</c>, <c>validation.TASK.loss</c>
    /// and <c>validation.TASK.METRIC</c>. A missing value is an empty cell; a name with a comma, a quote or a line break is quoted (RFC
    /// 4180).
    /// </summary>
    /// <param name="path">The file; an existing one is replaced once the new one is complete.</param>
    /// <exception cref="MultiInputException">The file cannot be written.</exception>
    public void SaveCsv(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var rows = Epochs.Select(Cells).ToArray();
        var columns = rows.SelectMany(row => row.Keys).Distinct().ToArray();
        WholeFile.Write(path, file =>
        {
            using var writer = new StreamWriter(file, leaveOpen: true);
            writer.WriteLine(string.Join(',', columns.Select(CsvCell.Of)));
            foreach (var row in rows)
                writer.WriteLine(string.Join(',', columns.Select(column => row.TryGetValue(column, out var value) ? CsvCell.Of(value) : "")));
        });
    }

    private static OrderedDictionary<string, double> Cells(EpochResult result)
    {
        var cells = new OrderedDictionary<string, double>
        {
            ["epoch"] = result.Epoch,
            ["phase"] = result.Phase,
            ["step"] = result.Step,
            ["learning_rate"] = result.LearningRate,
        };
        foreach (var (task, loss) in result.Losses)
            cells[$"loss.{task}"] = loss;
        foreach (var (source, epochs) in result.EpochsSeen)
            cells[$"epochs.{source}"] = epochs;
        foreach (var (task, evaluation) in result.Validation)
        {
            cells[$"validation.{task}.loss"] = evaluation.Loss;
            foreach (var (metric, value) in evaluation.Metrics)
                cells[$"validation.{task}.{metric}"] = value;
        }

        return cells;
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
