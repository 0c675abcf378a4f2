using MultiInputNet;
using MultiInputNet.Training;
using Spectre.Console;

/// <summary>Shows a training: bars on a terminal, lines elsewhere.</summary>
internal static class Watch
{
    private const int StepsBetweenLines = 100;

    public static TrainingHistory Follow(IReadOnlyList<Prepared> inputs, Func<IProgress<TrainingProgress>, TrainingHistory> train)
    {
        if (Console.IsOutputRedirected)
            return train(new Now(step => PrintLine(inputs, step)));
        return AnsiConsole.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
            .Start(context =>
            {
                var whole = context.AddTask("training");
                var bars = inputs.Select(input => context.AddTask(Markup.Escape(input.Name), maxValue: 1)).ToArray();
                return train(new Now(step =>
                {
                    (whole.MaxValue, whole.Value) = (step.Steps, step.Step);
                    whole.Description = Markup.Escape(Describe(step));
                    foreach (var (input, bar) in inputs.Zip(bars))
                    {
                        bar.Value = step.Step == step.Steps ? 1 : step.EpochsSeen[input.Name] % 1;
                        bar.Description = Markup.Escape(Describe(input, step));
                    }

                    if (step.EpochResult is { } result)
                        AnsiConsole.WriteLine(Epoch(inputs, result));
                }));
            });
    }

    /// <summary>A metric's value: shares in percent.</summary>
    public static string Text(HeadSpec head, double value) => head is RegressionSpec ? $"{value:0.0000}" : $"{100 * value:0.00}";

    private static void PrintLine(IReadOnlyList<Prepared> inputs, TrainingProgress step)
    {
        if (step.Step % StepsBetweenLines == 0)
            Console.WriteLine($"{Describe(step)}; {string.Join("; ", inputs.Select(input => Describe(input, step)))}");
        if (step.EpochResult is { } result)
            Console.WriteLine(Epoch(inputs, result));
    }

    private static string Describe(TrainingProgress step) =>
        $"stage {step.Stage} of {step.Stages}, epoch {step.Epoch} of {step.Epochs}, step {step.Step} of {step.Steps}: "
        + $"loss {step.Losses.Values.Sum():0.00}, rate {step.LearningRate:0.00000}, {step.Remaining:h\\:mm\\:ss} left";

    private static string Describe(Prepared input, TrainingProgress step)
    {
        var loss = step.Losses.TryGetValue(input.Name, out var value) ? $"{value:0.00}" : "-";
        var metric = step.Metrics.TryGetValue(input.Name, out var running) ? Text(input.Head, running) : "-";
        return $"{input.Name}: loss {loss}, {(input.Head is RegressionSpec ? "metric" : "accuracy")} {metric}, {step.EpochsSeen[input.Name]:0.0} epochs";
    }

    private static string Epoch(IReadOnlyList<Prepared> inputs, EpochResult result) =>
        $"epoch {result.Epoch}, validation: {string.Join(", ", inputs.Select(input => $"{input.Name} {Text(input.Head, result.Validation[input.Name].PrimaryValue)}"))}";

    /// <summary>Reports at once, on the thread that trains.</summary>
    private sealed class Now(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
