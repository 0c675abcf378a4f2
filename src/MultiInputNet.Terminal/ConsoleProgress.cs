using System.Diagnostics;
using System.Globalization;
using MultiInputNet.Training;
using Spectre.Console;

namespace MultiInputNet.Terminal;

/// <summary>
/// Shows a training: on a terminal, a line that is redrawn as the training progresses; elsewhere (a pipe, a file, a build server), a plain
/// line from time to time. Either way, a line per epoch, and warnings as they occur.
/// </summary>
/// <remarks>
/// <c>trainer.Fit(sources, progress: progress)</c> with <c>using var progress = new ConsoleProgress();</c>. Numbers use the invariant
/// culture. There are no colours if the output is not a terminal or <c>NO_COLOR</c> is set.
/// </remarks>
/// <param name="console">The console; the standard output when null.</param>
public sealed class ConsoleProgress(IAnsiConsole? console = null) : IProgress<TrainingProgress>, IDisposable
{
    private const int BarWidth = 20;
    private const int TableWidth = 160;
    private static readonly TimeSpan betweenDrawings = TimeSpan.FromMilliseconds(100);

    private readonly IAnsiConsole console = console ?? AnsiConsole.Create(new AnsiConsoleSettings());
    private int drawn;
    private long drawnAt;

    /// <summary>The beginning of each line, such as the name of the model.</summary>
    /// <value>Default: <see langword="null"/>, nothing.</value>
    public string? Title { get; init; }

    /// <summary>Steps between plain lines if the output is not a terminal.</summary>
    /// <value>Default: 100.</value>
    /// <exception cref="ArgumentOutOfRangeException">It is below 1.</exception>
    public int StepsBetweenLines
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 100;

    private bool IsLive => console.Profile.Out.IsTerminal && console.Profile.Capabilities is { Interactive: true, Ansi: true };

    private string Prefix => Title is null ? "" : $"{Title}: ";

    /// <inheritdoc/>
    public void Report(TrainingProgress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        foreach (var warning in value.Warnings)
            Write($"Warning: {warning}", Color.Yellow);
        if (IsLive)
            Draw(value);
        else if (value.Step % StepsBetweenLines == 0)
            Write($"{Where(value)}, {Left(value)}; {Tasks(value)}");
        if (value.EpochResult is { } result)
            Write(Epoch(value, result));
    }

    /// <summary>Ends the live line and writes a table of the epoch whose weights the model has, one row per task, in Markdown.</summary>
    /// <param name="history">The result of the training.</param>
    public void Complete(TrainingHistory history)
    {
        ArgumentNullException.ThrowIfNull(history);
        Erase();
        if (history.Epochs.LastOrDefault(epoch => history.BestEpoch is null || epoch.Epoch == history.BestEpoch) is not { } result)
            return;
        var table = new Table().Border(TableBorder.Markdown).AddColumns("task", "epoch");
        foreach (var column in new[] { "training loss", "validation loss", "metric", "validation" })
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var task in result.Losses.Keys.Union(result.Validation.Keys))
        {
            var evaluation = result.Validation.GetValueOrDefault(task);
            string[] cells =
            [
                task,
                Text($"{result.Epoch} of {history.Epochs.Count}"),
                result.Losses.TryGetValue(task, out var loss) ? Number(loss) : "-",
                evaluation is null ? "-" : Number(evaluation.Loss),
                evaluation?.Primary ?? "-",
                evaluation is null ? "-" : Number(evaluation.PrimaryValue),
            ];
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }

        // Output that is not seen on a screen has no width to keep to.
        var width = console.Profile.Width;
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = Math.Max(width, TableWidth);
        console.Write(table);
        console.Profile.Width = width;
    }

    /// <summary>Ends the live line.</summary>
    public void Dispose() => Erase();

    /// <summary>A number with four significant digits.</summary>
    internal static string Number(double value) => Math.Abs(value) switch
    {
        double.NaN => "-",
        0 => "0",
        < 1e-3 or >= 1e6 => value.ToString("0.00e0", CultureInfo.InvariantCulture),
        < 10 => value.ToString("0.0000"[..(value is > -1 and < 1 ? 6 : 5)], CultureInfo.InvariantCulture),
        < 100 => value.ToString("0.00", CultureInfo.InvariantCulture),
        < 1000 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("#,0", CultureInfo.InvariantCulture),
    };

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Where(TrainingProgress value) => Text(
        $"{(value.Phases > 1 ? Text($"phase {value.Phase} of {value.Phases}, ") : "")}epoch {value.Epoch} of {value.Epochs}, step {value.Step:N0} of {value.Steps:N0}");

    private static string Left(TrainingProgress value) => Text($"{value.Remaining:h\\:mm\\:ss} left");

    private static string Tasks(TrainingProgress value) => string.Join("; ", value.Metrics.Keys.Union(value.Losses.Keys).Select(task =>
    {
        string[] numbers =
        [
            .. value.Losses.TryGetValue(task, out var loss) ? [$"loss {Number(loss)}"] : Array.Empty<string>(),
            .. value.Metrics.TryGetValue(task, out var metric) ? [$"{value.MetricNames.GetValueOrDefault(task, "metric")} {Number(metric)}"] : Array.Empty<string>(),
        ];
        return $"{task} {string.Join(", ", numbers)}";
    }));

    private static string Epoch(TrainingProgress value, EpochResult result)
    {
        var validation = result.Validation.Count == 0 ? "" : $"; validation: {string.Join(", ", result.Validation.Select(
            pair => $"{pair.Key} {pair.Value.Primary} {Number(pair.Value.PrimaryValue)}"))}";
        return Text($"epoch {result.Epoch} of {value.Epochs}, training loss: {string.Join(", ", result.Losses.Select(loss => $"{loss.Key} {Number(loss.Value)}"))}{validation}");
    }

    /// <summary>Draws the live line over the previous one, not too often.</summary>
    private void Draw(TrainingProgress value)
    {
        if (drawn > 0 && value.Step < value.Steps && value.EpochResult is null && Stopwatch.GetElapsedTime(drawnAt) < betweenDrawings)
            return;
        var share = (double)value.Step / Math.Max(1, value.Steps);
        var (done, open) = console.Profile.Capabilities.Unicode ? ('━', '─') : ('#', '-');
        var bar = new string(done, (int)(share * BarWidth)).PadRight(BarWidth, open);
        var line = $"{Prefix}{bar} {Text($"{Math.Floor(100 * share)} %")}, {Where(value)}, {Left(value)}; {Tasks(value)}";

        // Some terminals wrap a line that reaches the edge, and then there is no way back to its beginning.
        var width = Math.Max(1, console.Profile.Width - 1);
        line = line.Length <= width ? line : $"{line[..(width - 1)]}…";
        Put($"\r{line.PadRight(Math.Min(drawn, width))}");
        (drawn, drawnAt) = (line.Length, Stopwatch.GetTimestamp());
    }

    private void Erase()
    {
        if (drawn > 0)
            Put($"\r{new string(' ', drawn)}\r");
        drawn = 0;
    }

    /// <summary>Writes a separate line above the live line.</summary>
    private void Write(string line, Color? colour = null)
    {
        Erase();
        if (colour is { } chosen && console.Profile.Out.IsTerminal)
            console.Write(new Text(line + Environment.NewLine, new Style(chosen)));
        else
            Put(Prefix + line + Environment.NewLine);
    }

    private void Put(string text)
    {
        console.Profile.Out.Writer.Write(text);
        console.Profile.Out.Writer.Flush();
    }
}
