using MultiInputNet.Training;

namespace MultiInputNet.Insights;

/// <summary>The curves of a training, from its history, from what it reported, or from both.</summary>
internal static class TrainingCharts
{
    /// <summary>How many means of consecutive steps a curve of steps has at most.</summary>
    private const int MostPoints = 100;

    public static IReadOnlyList<SvgChart> Of(IReadOnlyList<EpochResult> epochs, IReadOnlyList<TrainingProgress> steps)
    {
        // A training that was resumed reports its later steps only.
        if (epochs.Count > 0 && steps is [{ Epoch: > 1 }, ..])
            steps = [];
        var phases = epochs.Zip(epochs.Skip(1)).Where(pair => pair.First.Phase != pair.Second.Phase).Select(pair => (double)pair.First.Epoch).ToArray();
        var tasks = epochs.SelectMany(epoch => epoch.Losses.Keys.Concat(epoch.Validation.Keys)).Concat(steps.SelectMany(step => step.Losses.Keys)).Distinct().ToArray();
        var charts = new List<SvgChart>();
        AddLosses(charts, epochs, steps, tasks, phases);
        AddMetrics(charts, epochs, steps, tasks, phases);
        AddRates(charts, epochs, steps, phases);
        AddSeen(charts, epochs, steps, phases);
        return charts;
    }

    private static void AddLosses(List<SvgChart> charts, IReadOnlyList<EpochResult> epochs, IReadOnlyList<TrainingProgress> steps, string[] tasks, double[] phases)
    {
        var hasValidation = epochs.Any(epoch => epoch.Validation.Count > 0);
        var lines = new List<ChartLine>();
        foreach (var (color, task) in tasks.Index())
        {
            // Single steps vary much: of a few epochs, means of steps show more than means of epochs.
            var ofSteps = Means(steps, step => step.Losses.TryGetValue(task, out var loss) ? loss : null);
            var ofEpochs = ByEpoch(epochs, epoch => epoch.Losses.TryGetValue(task, out var loss) ? loss : null);
            lines.Add(new(task, ofSteps.Count > ofEpochs.Count ? ofSteps : ofEpochs, color));
            var validation = ByEpoch(epochs, epoch => epoch.Validation.TryGetValue(task, out var found) ? found.Loss : null);
            if (validation.Count > 0)
                lines.Add(new(task, validation, color, IsDashed: true));
        }

        Add(charts, "Loss", hasValidation ? "loss (dashed: validation)" : "loss", lines, phases);
    }

    private static void AddMetrics(List<SvgChart> charts, IReadOnlyList<EpochResult> epochs, IReadOnlyList<TrainingProgress> steps, string[] tasks, double[] phases)
    {
        var metrics = new OrderedDictionary<string, List<ChartLine>>();
        foreach (var (color, task) in tasks.Index())
        {
            var validated = epochs.Select(epoch => epoch.Validation.GetValueOrDefault(task)).FirstOrDefault(found => found is not null);
            if (steps.Select(step => step.MetricNames.GetValueOrDefault(task)).FirstOrDefault(name => name is not null) is { } metric)
                AddLine(metric, new(task, Means(steps, step => step.Metrics.TryGetValue(task, out var value) ? value : null), color));
            if (validated is not null)
                AddLine(validated.Primary, new(task, ByEpoch(epochs, epoch => epoch.Validation.TryGetValue(task, out var found) ? found.PrimaryValue : null), color, IsDashed: true));
        }

        foreach (var (metric, lines) in metrics)
            Add(charts, $"Metric: {metric}", lines.Any(line => line.IsDashed) ? $"{metric} (dashed: validation)" : $"{metric} on training batches", lines, phases);

        void AddLine(string metric, ChartLine line)
        {
            if (!metrics.TryGetValue(metric, out var lines))
                metrics.Add(metric, lines = []);
            lines.Add(line);
        }
    }

    private static void AddRates(List<SvgChart> charts, IReadOnlyList<EpochResult> epochs, IReadOnlyList<TrainingProgress> steps, double[] phases)
    {
        var points = steps.Count > epochs.Count
            ? steps.Select(step => (Place(step), step.LearningRate)).ToArray()
            : [.. epochs.Select(epoch => ((double)epoch.Epoch, epoch.LearningRate))];
        Add(charts, "Learning rate", "learning rate", [new("learning rate", points, 0)], phases);
    }

    private static void AddSeen(List<SvgChart> charts, IReadOnlyList<EpochResult> epochs, IReadOnlyList<TrainingProgress> steps, double[] phases)
    {
        var sources = epochs.SelectMany(epoch => epoch.EpochsSeen.Keys).Concat(steps.SelectMany(step => step.EpochsSeen.Keys)).Distinct();
        Add(
            charts,
            "Effective epochs: how often each source has been seen",
            "effective epochs: times seen",
            [
                .. sources.Index().Select(source => new ChartLine(
                    source.Item,
                    epochs.Count > 0
                        ? [(0, 0), .. ByEpoch(epochs, epoch => epoch.EpochsSeen.TryGetValue(source.Item, out var seen) ? seen : null)]
                        : [(0, 0), .. steps.Where(step => step.EpochsSeen.ContainsKey(source.Item)).Select(step => (Place(step), step.EpochsSeen[source.Item]))],
                    source.Index)),
            ],
            phases);
    }

    private static void Add(List<SvgChart> charts, string title, string up, IReadOnlyList<ChartLine> lines, double[] phases)
    {
        var drawn = lines.Where(line => line.Points.Any(point => double.IsFinite(point.Y))).ToArray();
        if (drawn.Length > 0)
            charts.Add(LineChart.Draw(title, "epoch", up, drawn, phases));
    }

    private static List<(double X, double Y)> ByEpoch(IReadOnlyList<EpochResult> epochs, Func<EpochResult, double?> value) =>
        [.. epochs.Select(epoch => (X: (double)epoch.Epoch, Y: value(epoch))).Where(point => point.Y is not null).Select(point => (point.X, point.Y!.Value))];

    private static List<(double X, double Y)> Means(IReadOnlyList<TrainingProgress> steps, Func<TrainingProgress, double?> value)
    {
        var points = steps.Select(step => (X: Place(step), Y: value(step))).Where(point => point.Y is { } y && double.IsFinite(y)).Select(point => (point.X, Y: point.Y!.Value)).ToArray();
        return points.Length == 0
            ? []
            : [.. points.Chunk((points.Length + MostPoints - 1) / MostPoints).Select(chunk => (chunk.Average(point => point.X), chunk.Average(point => point.Y)))];
    }

    /// <summary>A step in epochs.</summary>
    private static double Place(TrainingProgress step) => (double)step.Step * step.Epochs / step.Steps;
}
