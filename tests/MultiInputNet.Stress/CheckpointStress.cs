using System.Diagnostics;
using MultiInputNet.Weights;

namespace MultiInputNet.Stress;

/// <summary>
/// Trains in processes of their own, which are killed and stopped again and again and go on from their checkpoints, and compares model and
/// history, to the bit, with those of a training that ran through.
/// </summary>
internal static class CheckpointStress
{
    private const int LeastCases = 3;
    private const int MostInterruptions = 8;

    /// <summary>Where a case is always stopped once: at a phase's end, in its first step, and in an evaluation.</summary>
    private static readonly string[] Turns = ["boundary", "phase", "validation"];

    public static string Run(TimeSpan time, int seed)
    {
        var clock = Stopwatch.StartNew();
        var counts = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var cases = TrainingCase.All(seed);
        var done = 0;
        for (; done < LeastCases || clock.Elapsed * (done + 1) / done < time; done++)
        {
            var number = done % cases.Count;
            var folder = Directory.CreateTempSubdirectory("stress-").FullName;
            try
            {
                Interrupt(cases[number], folder, seed, number, new Random(1000 * seed + done), counts);
            }
            catch (StressException e)
            {
                throw new StressException($"case {number} of seed {seed} ({cases[number]}): {e.Message}");
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        foreach (var what in new[] { "killed", "stopped at boundary", "stopped at phase", "stopped at validation", "refused" })
        {
            if (!counts.Keys.Any(key => key.StartsWith(what, StringComparison.Ordinal)))
                throw new StressException($"nothing was {what}, so that nothing is shown.");
        }

        return $"{done} trainings as if never interrupted; {string.Join(", ", counts.Select(pair => $"{pair.Value} {pair.Key}"))}";
    }

    private static void Interrupt(TrainingCase training, string folder, int seed, int number, Random draw, SortedDictionary<string, int> counts)
    {
        var whole = Directory.CreateDirectory(Path.Combine(folder, "whole")).FullName;
        var interrupted = Directory.CreateDirectory(Path.Combine(folder, "interrupted")).FullName;
        InterruptedTraining.Train(training, checkpoints: null, whole);

        var turns = new HashSet<string>();
        for (var interruptions = 0; ; interruptions++)
        {
            using var child = new ChildProcess("training", interrupted, $"{seed}", $"{number}");
            if (!IsInterrupted(child, interrupted, training, draw, interruptions < MostInterruptions ? turns : null, counts))
                break;
        }

        string[] left = [.. Directory.GetFiles(interrupted).Select(file => Path.GetFileName(file)).Where(file => !file.StartsWith("checkpoint-", StringComparison.Ordinal) || !file.EndsWith(".safetensors", StringComparison.Ordinal))];
        if (!left.Order(StringComparer.Ordinal).SequenceEqual([InterruptedTraining.HistoryFile, InterruptedTraining.ModelFile]))
            throw new StressException($"the folder of the ended training holds {string.Join(", ", left)}.");
        foreach (var file in new[] { InterruptedTraining.HistoryFile, InterruptedTraining.ModelFile })
        {
            if (!File.ReadAllBytes(Path.Combine(whole, file)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(interrupted, file))))
                throw new StressException($"'{file}' is not that of the training that ran through.");
        }
    }

    /// <summary>
    /// Follows a training until it is interrupted; false where it ended before. At the places of <see cref="Turns"/> that are not yet in <paramref name="turns"/> it
    /// is always interrupted, and nowhere where that is null.
    /// </summary>
    private static bool IsInterrupted(ChildProcess child, string folder, TrainingCase training, Random draw, HashSet<string>? turns, SortedDictionary<string, int> counts)
    {
        void Count(string what) => counts[what] = counts.GetValueOrDefault(what) + 1;

        for (var isFirst = true; child.Read() is { } place; isFirst = false)
        {
            if (isFirst)
            {
                CheckRefused(child, folder, training);
                Count("refused");
            }

            var isTurn = turns is not null && Turns.Contains(place) && turns.Add(place);
            if (!isTurn && (turns is null || draw.NextDouble() > (place == "step" ? 0.08 : 0.2)))
            {
                child.GoOn();
                continue;
            }

            if (isTurn || draw.Next(4) == 0)
            {
                if (!IsStopped(child, folder, canEnd: place is "boundary" or "epoch"))
                    return false;
                Count($"stopped at {place}");
                return true;
            }

            // Where it waits, or a moment later: in a step, an evaluation, the midst of a file.
            var isLater = draw.Next(3) > 0;
            if (isLater)
            {
                var (clock, delay) = (Stopwatch.StartNew(), TimeSpan.FromMilliseconds(20 * Math.Pow(draw.NextDouble(), 2)));
                child.GoOn();
                SpinWait.SpinUntil(() => clock.Elapsed >= delay);
            }

            child.Kill();
            Count($"killed {(isLater ? "after" : "at")} {place}");
            if (Directory.EnumerateFiles(folder, "*.tmp").Any())
                Count("of them in the midst of a file");
            CheckWhole(folder);
            return true;
        }

        var (code, errors) = child.WaitForExit();
        return code == 0 ? false : throw new StressException($"the training ended with {code}: {errors}");
    }

    /// <summary>Asks a training to end, which writes a checkpoint; false where it was at its end.</summary>
    private static bool IsStopped(ChildProcess child, string folder, bool canEnd)
    {
        child.Terminate();
        if (child.Read() is var answer && answer != InterruptedTraining.Stopping)
            throw new StressException($"asked to end, the training said '{answer}'.");
        child.GoOn();
        var message = child.Read();
        if (message is not null && !message.StartsWith("The training was stopped", StringComparison.Ordinal))
            throw new StressException($"asked to end, the training went on to its next {message}.");
        var (code, errors) = child.WaitForExit();
        if (code == 0 && canEnd)
            return false;
        if (code != InterruptedTraining.Stopped || message is null)
            throw new StressException($"asked to end, the training ended with {code}: {errors}");
        var latest = Directory.GetFiles(folder, "checkpoint-*.safetensors").Max(StringComparer.Ordinal);
        if (!message.Contains($"'{latest}' holds it", StringComparison.Ordinal))
            throw new StressException($"the latest checkpoint is '{latest}', and the training said: {message}");
        if (Directory.GetFiles(folder).FirstOrDefault(file => !file.EndsWith(".safetensors", StringComparison.Ordinal)) is { } left)
            throw new StressException($"the stopped training left '{left}'.");
        CheckWhole(folder);
        return true;
    }

    /// <summary>This process is a second one on the folder: it must be refused with the process of the first, and must change nothing.</summary>
    private static void CheckRefused(ChildProcess child, string folder, TrainingCase training)
    {
        try
        {
            InterruptedTraining.Train(training, new(folder), folder);
        }
        catch (MultiInputException e) when (e.Message.Contains($"a training of process {child.Id} ", StringComparison.Ordinal))
        {
            return;
        }

        throw new StressException($"a second process trained in the folder of process {child.Id}.");
    }

    /// <summary>Reads every checkpoint: each must be whole.</summary>
    private static void CheckWhole(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "checkpoint-*.safetensors"))
        {
            using var file = WeightFile.Open(path);
            foreach (var tensor in file.ReadAll().Values)
                tensor.Dispose();
        }
    }
}
