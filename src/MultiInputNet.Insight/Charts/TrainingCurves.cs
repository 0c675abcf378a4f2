using MultiInputNet.Training;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// The curves of a training in one picture: loss and metric of each task (of the validation samples too, where there are some), the
    /// learning rate, and how often each source has been seen. Dashed vertical lines separate phases.
    /// </summary>
    /// <param name="history">What <c>Trainer.Fit</c> returned.</param>
    /// <param name="columns">How many charts stand beside each other, at least 1.</param>
    /// <returns>The picture: <see cref="SvgChart.Save"/> writes it to a file.</returns>
    /// <exception cref="ArgumentException">The history has no epochs.</exception>
    public static SvgChart TrainingCurves(TrainingHistory history, int columns = 2)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        return history.Epochs.Count > 0
            ? SvgChart.Grid("Training curves", columns, TrainingCharts.Of(history.Epochs, []))
            : throw new ArgumentException("The history has no epochs; give that of a training.", nameof(history));
    }

    /// <summary>As for a history, from what a training has reported so far, step by step.</summary>
    /// <param name="record">The record of the training, which may still be running.</param>
    /// <param name="columns">How many charts stand beside each other, at least 1.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ArgumentException">No step has been reported yet.</exception>
    public static SvgChart TrainingCurves(TrainingRecord record, int columns = 2)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        return record.Steps is [_, ..] steps
            ? SvgChart.Grid("Training curves", columns, TrainingCharts.Of(record.Epochs, steps))
            : throw new ArgumentException("No step has been reported yet; wait for the first.", nameof(record));
    }

    /// <summary>A learning-rate curve: the loss at each rate, over powers of ten.</summary>
    /// <param name="points">Learning rate, above 0, and loss.</param>
    /// <param name="suggested">The rate to mark; none when null.</param>
    /// <returns>The picture.</returns>
    /// <exception cref="ArgumentException">There is no point with a rate above 0 and a finite loss.</exception>
    public static SvgChart LearningRateChart(IReadOnlyList<(double LearningRate, double Loss)> points, double? suggested = null)
    {
        ArgumentNullException.ThrowIfNull(points);
        return points.Any(point => point.LearningRate > 0 && double.IsFinite(point.LearningRate) && double.IsFinite(point.Loss))
            ? LineChart.Draw("Loss by learning rate", "learning rate", "loss", [new("loss", points, 0)], suggested is { } rate ? [rate] : [], isLogarithmic: true)
            : throw new ArgumentException("No point has a learning rate above 0 and a finite loss; give some.", nameof(points));
    }
}
