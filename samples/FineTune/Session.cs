using System.Diagnostics;
using System.Runtime.InteropServices;
using MultiInputNet;
using MultiInputNet.Insights;
using MultiInputNet.Onnx;
using MultiInputNet.Terminal;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using Spectre.Console;
using TorchSharp;

/// <summary>Builds the model, trains it, measures it once on the test samples and saves it.</summary>
internal static class Session
{
    private const int StepsBetweenCheckpoints = 200;

    public static int Run(Settings settings, string[] args)
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 160;
        if (settings.FindMistake() is { } mistake)
        {
            Console.Error.WriteLine(mistake);
            return 1;
        }

        using var cancel = new CancellationTokenSource();

        // A second Ctrl-C, or request to terminate, ends the program as usual.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !cancel.IsCancellationRequested;
            cancel.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            Run(settings, cancel.Token);
            return 0;
        }
        catch (Exception e) when (e is MultiInputException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine(e.Message);
        }
        catch (OperationCanceledException e)
        {
            Console.Error.WriteLine(e.Message);
            Console.Error.WriteLine(settings.Checkpoints is null
                ? "Nothing was saved. With --checkpoints FOLDER, a training can be resumed."
                : $"To resume: dotnet run -c Release --project samples/FineTune -- {string.Join(' ', args.Where(arg => arg != "--resume").Select(Quote))} --resume");
        }

        return 1;
    }

    private static void Run(Settings settings, CancellationToken cancellation)
    {
        if (settings.Threads is { } threads)
            torch.set_num_threads(threads);
        var time = Stopwatch.StartNew();
        settings = settings with { Base = settings.Base ?? BaseOf(settings.Weights!) };
        var inputs = settings.Inputs.Select(argument => Prepared.Load(argument, settings)).ToArray();
        cancellation.ThrowIfCancellationRequested();
        using var model = Build(settings, inputs);
        Console.WriteLine(model.Summary());
        var trainer = new Trainer(model, new()
        {
            Epochs = settings.Epochs,
            Phases = settings.Phases,
            StepsPerEpoch = settings.StepsPerEpoch,
            LearningRate = settings.LearningRate,
            WeightDecay = settings.WeightDecay,
            WeightAverageDecay = settings.Average,
            Sampling = settings.Sampling,
            EarlyStopping = new() { Patience = settings.Patience },
            Checkpoints = settings.Checkpoints is { } folder ? new(folder) { EverySteps = StepsBetweenCheckpoints, AllowEarlier = settings.AllowEarlier } : null,
            Seed = settings.Seed,
        });
        using var progress = new ConsoleProgress();
        var record = new TrainingRecord(progress);
        using var live = settings.Watch is { } port ? new LiveView(record, port) : null;
        if (live is not null)
            Console.WriteLine($"The training can be watched at {live.Address}");
        var (training, validation) = (inputs.Select(input => input.Training).ToArray(), inputs.Select(input => input.Validation).ToArray());
        var history = settings.Resume ? trainer.Resume(training, validation, record, cancellation) : trainer.Fit(training, validation, record, cancellation);
        progress.Complete(history);
        model.Save(settings.Out);
        var results = trainer.Evaluate([.. inputs.Select(input => input.Test)], new() { KeepPredictions = settings.Report is not null }, cancellation);
        if (settings.Report is { } reports)
        {
            results.SaveCsv(reports);
            Insight.Report(model, [.. inputs.Select(input => input.Test)], Path.Combine(reports, "report.html"), new() { History = history, Record = record }, cancellation);
        }

        PrintTable(inputs, results, history);
        Console.WriteLine($"Trained in {time.Elapsed.TotalSeconds:0} s; the model of {model.parameters().Sum(parameter => parameter.numel()):N0} parameters was saved to {settings.Out}.");
        if (settings.Report is not null)
            Console.WriteLine($"The results on the test samples are in the tables of {settings.Report}, and {Path.Combine(settings.Report, "report.html")} shows the model.");
    }

    private static MultiInputModel Build(Settings settings, IReadOnlyList<Prepared> inputs)
    {
        var sharedBase = settings.Base!;
        var builder = MultiInputModel.Define().Base(sharedBase);
        foreach (var input in inputs)
        {
            builder.Input(input.Name, input.Input, ProjectionOf(input, settings, sharedBase));

            // The flattened map of a large image would be too wide for a head.
            builder.Task(input.Name, input.Head, fusion: input.Input is ImageInput { Height: > 32 } or ImageInput { Width: > 32 } ? Fusions.GlobalAverage() : null);
        }

        var model = builder.Build(seed: settings.Seed);
        if (settings.Weights is null)
            return model;
        try
        {
            if (settings.Weights == Settings.ImageNet)
            {
                model.LoadImageNetWeights();
                return model;
            }

            using var file = WeightFile.Open(settings.Weights);
            var isModel = file.Entries.Any(entry => entry.Name.StartsWith("base_model.", StringComparison.Ordinal));
            LoadReport Load() => model.LoadWeights(file, new() { Strict = false, AddPrefix = isModel ? "" : "base_model." });
            Load();
            model.AdaptStems();
            var report = Load(); // again, for the stems that the file has
            Console.WriteLine(report);
            var lost = report.Missing.Concat(report.OtherShape.Select(difference => difference.Name)).FirstOrDefault(name => name.StartsWith("base_model", StringComparison.Ordinal));
            return lost is null ? model : throw new MultiInputException(
                $"file '{settings.Weights}'", ModelComponent.File, $"its base differs from the one described: '{lost}' does not fit.", "Leave out --base to use the file's base.");
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    // A published base was trained on images that need no projection; its first layer is adapted to those with other channels.
    private static ProjectionSpec? ProjectionOf(Prepared input, Settings settings, BaseSpec sharedBase) =>
        sharedBase is not ImageBaseSpec || input.Input is not ImageInput image ? input.Projection
        : !settings.StartsPretrained || image.Channels == sharedBase.Channels ? null
        : Projections.AdaptedStem(image.Channels == 1 ? StemMethod.Mean : StemMethod.Repeat);

    private static BaseSpec BaseOf(string path)
    {
        using var model = MultiInputModel.Load(path, torch.CPU);
        return model.Description.Bases[0].Spec;
    }

    private static void PrintTable(IReadOnlyList<Prepared> inputs, IReadOnlyDictionary<string, TaskEvaluation> results, TrainingHistory history)
    {
        var table = new Table().Border(TableBorder.Markdown).AddColumns("input", "kind", "shape");
        foreach (var column in new[] { "classes", "training", "validation", "test", "metric", "test value", "best epoch" })
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var input in inputs)
        {
            var result = results[input.Name];
            table.AddRow(
                Markup.Escape(input.Name),
                input.Input.Kind,
                string.Join('×', input.Input.Shape),
                input.Head is ClassificationSpec head ? $"{head.Classes}" : "-",
                $"{input.Training.Count:N0}",
                $"{input.Validation.Count:N0}",
                $"{input.Test.Count:N0}",
                result.Primary,
                input.Head is RegressionSpec ? $"{result.PrimaryValue:G5}" : $"{100 * result.PrimaryValue:0.00} %",
                $"{history.BestEpoch}");
        }

        AnsiConsole.Write(table);
    }

    private static string Quote(string argument) =>
        argument.All(c => char.IsLetterOrDigit(c) || "-_=:,./@+".Contains(c)) ? argument : $"'{argument.Replace("'", "'\\''")}'";
}
