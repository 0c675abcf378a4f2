using System.Diagnostics;
using MultiInputNet;
using MultiInputNet.Insights;
using MultiInputNet.Terminal;
using MultiInputNet.Training;
using Spectre.Console;

/// <summary>Trains the shared model, and the separate ones if asked, and prints the table.</summary>
internal static class Training
{
    private const int Epochs = 10;

    public static int Run(string path, string report, int[] seeds, int steps, bool compare, bool validate)
    {
        var all = DataSet.All.Select(data => Samples.Load(data, validate)).ToArray();
        var shared = new List<double[]>();
        var separate = new List<double[]>();
        var (sharedSize, separateSize) = (0L, 0L);
        var time = Stopwatch.StartNew();
        foreach (var seed in seeds)
        {
            using var model = Models.Shared(all).Build(seed: seed);
            if (seed == seeds[0])
                Console.WriteLine(model.Summary());
            sharedSize = Size(model);
            var (accuracies, history, record) = Train($"one shared model, seed {seed}", model, all, steps, seed);
            shared.Add(accuracies);
            if (seed == seeds[0])
            {
                model.Save(path);
                Console.WriteLine($"Trained in {time.Elapsed.TotalSeconds:0} s and saved to {path}; --predict classifies rows with it.");
                Insight.Report(model, [.. all.Select(samples => samples.Held)], report, new() { Title = "One base for digits, landsat, dna and letter", History = history, Record = record });
                Console.WriteLine($"What it consists of, how it was trained and what it gets wrong is in {report}; open it in a browser.");
            }
        }

        foreach (var seed in compare ? seeds : [])
        {
            var models = all.Select(samples => Models.Separate(samples).Build(seed: seed)).ToArray();
            separateSize = models.Sum(Size);
            separate.Add([.. all.Zip(models, (samples, model) =>
                Train($"{samples.Data.Name} alone, seed {seed}", model, [samples], steps, seed).Accuracies[0])]);
            foreach (var model in models)
                model.Dispose();
        }

        PrintTable(all, shared, sharedSize, separate, separateSize, validate);
        return 0;
    }

    private static long Size(MultiInputModel model) => model.parameters().Sum(parameter => parameter.numel());

    /// <summary>Trains a model, showing its progress, and returns the accuracy on each data set in percent, and how the training went.</summary>
    private static (double[] Accuracies, TrainingHistory History, TrainingRecord Record) Train(string title, MultiInputModel model, IReadOnlyList<Samples> all, int steps, int seed)
    {
        var trainer = new Trainer(model, new()
        {
            Epochs = Math.Min(Epochs, steps),
            StepsPerEpoch = Math.Max(1, steps / Epochs),
            LearningRate = 3e-3,
            WeightDecay = 0.05,
            Seed = seed,
        });
        TrainingRecord record;
        TrainingHistory history;
        using (var progress = new ConsoleProgress { Title = title })
        {
            record = new(progress);
            history = trainer.Fit([.. all.Select(samples => samples.Training)], progress: record);
        }

        var results = trainer.Evaluate([.. all.Select(samples => samples.Held)]);
        return ([.. all.Select(samples => 100 * results[samples.Data.Name].PrimaryValue)], history, record);
    }

    private static void PrintTable(
        IReadOnlyList<Samples> all, List<double[]> shared, long sharedSize, List<double[]> separate, long separateSize, bool validate)
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 120;
        var table = new Table().Border(TableBorder.Markdown).AddColumns("input", "kind", "shape");
        foreach (var column in new[] { "classes", "shared", "separate", "SVM, same rows", "published" })
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var (i, (data, _, _)) in all.Index())
        {
            table.AddRow(
                data.Name,
                data.Input.Kind,
                string.Join('×', data.Input.Shape),
                $"{data.ClassNames.Length}",
                Accuracy(shared, i),
                separate.Count > 0 ? Accuracy(separate, i) : "-",
                validate ? "-" : $"{data.Svm:0.00}",
                !validate && data.Published is { } published ? $"{published:0.0}" : "-");
        }

        AnsiConsole.WriteLine($"Accuracy on {(validate ? "held-out training rows" : "the test rows")}, in percent:");
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine($"shared: one model of {sharedSize:N0} parameters");
        AnsiConsole.WriteLine(separate.Count > 0 ? $"separate: four models of {separateSize:N0} parameters together" : "separate: four models of the same total size, with --compare");
        AnsiConsole.WriteLine("SVM: trained on the same rows by Data/baselines.py; published: see Data/README.md for the sources");
    }

    /// <summary>The mean over the seeds, with the lowest and highest where there are several.</summary>
    private static string Accuracy(List<double[]> runs, int index)
    {
        var values = runs.Select(run => run[index]).ToArray();
        return values.Length == 1 ? $"{values[0]:0.00}" : $"{values.Average():0.00} ({values.Min():0.00} to {values.Max():0.00})";
    }
}
