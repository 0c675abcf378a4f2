using System.Diagnostics;
using System.Globalization;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Training;
using Spectre.Console;
using static TorchSharp.torch;

/// <summary>
/// Training steps with freed memory kept and returned: two processes take turns, as the setting is a process's.
/// </summary>
internal static class TrainingMemory
{
    private static readonly (string Name, int Steps)[] trainings = [("QuickStart", 10), ("FineTune", 3), ("ResNet-18, 8 of 224×224", 1)];

    public static Table Measure(int pairs)
    {
        var table = new Table().Border(TableBorder.Markdown).AddColumns("training", "returned over kept", "quartiles", "step with kept memory, ms");
        foreach (var (index, (name, steps)) in trainings.Index())
        {
            using var kept = new Part(index, "keep");
            using var returned = new Part(index, "return");
            var ratios = new Comparison(name, _ => returned.Turn() / steps, _ => kept.Turn() / steps).Run(pairs);
            table.AddRow(name, $"{ratios.Median:0.00}", $"{ratios.LowerQuartile:0.00} to {ratios.UpperQuartile:0.00}", $"{ratios.Milliseconds:0.0}");
        }

        return table;
    }

    /// <summary>Trains without end; for each line that it reads, takes some steps and says their milliseconds.</summary>
    public static void RunPart(int index, string mode)
    {
        if (mode == "keep")
            FreedMemory.Keep();
        set_num_threads(2);
        var (model, sources) = index switch
        {
            0 => QuickStart(),
            1 => FineTune(),
            _ => ResNet18(),
        };
        var (done, start) = (0, 0L);
        using var stop = new CancellationTokenSource();
        Await();
        try
        {
            new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 1_000_000 }).Fit(sources, cancellationToken: stop.Token, progress: new Now(_ =>
            {
                if (++done % trainings[index].Steps != 0)
                    return;
                Console.Out.WriteLine(Stopwatch.GetElapsedTime(start).TotalMilliseconds.ToString(CultureInfo.InvariantCulture));
                Await();
            }));
        }
        catch (OperationCanceledException)
        {
        }

        void Await()
        {
            if (Console.In.ReadLine() is null)
                stop.Cancel();
            start = Stopwatch.GetTimestamp();
        }
    }

    private static (MultiInputModel Model, TensorSource[] Sources) QuickStart()
    {
        var all = DataSet.All.Select(data => Samples.Load(data, validate: false)).ToArray();
        return (Models.Shared(all).Build(CPU), [.. all.Select(samples => samples.Training)]);
    }

    /// <summary>The training of docs/BENCHMARKS.md; in place of Fashion-MNIST, which need not be installed, noise.</summary>
    private static (MultiInputModel Model, TensorSource[] Sources) FineTune()
    {
        var all = DataSet.All.Select(data => Samples.Load(data, validate: false)).ToArray();
        var builder = MultiInputModel.Define().Base(Bases.ConvNet(32, 48, 96, 192) with { Depth = 2, Normalization = Normalization.Group });
        builder.Input("fashion", Inputs.Image(1, 28, 28)).Task("fashion", Heads.Classification(10));
        foreach (var (data, _, _) in all)
            builder.Input(data.Name, data.Input, data.Projection).Task(data.Name, Heads.Classification(data.ClassNames.Length, dropout: data.Dropout));
        return (builder.Build(CPU), [Noise("fashion", 1280, 128, 1, 28, 10), .. all.Select(samples => samples.Training)]);
    }

    private static (MultiInputModel Model, TensorSource[] Sources) ResNet18() => (
        MultiInputModel.Define().Input("x", Inputs.Image(3, 224, 224)).Base(Bases.ResNet18()).Fusion(Fusions.GlobalAverage())
            .Task("x", Heads.Classification(10)).Build(CPU),
        [Noise("x", 32, 8, 3, 224, 10)]);

    private static TensorSource Noise(string name, int count, int batch, int channels, int size, int classes) =>
        new(name, rand(count, channels, size, size), randint(classes, [count]).to(ScalarType.Int64)) { BatchSize = batch };

    private sealed class Part : IDisposable
    {
        private readonly Process process;

        public Part(int index, string mode) => process = Process.Start(
            new ProcessStartInfo("dotnet", [typeof(TrainingMemory).Assembly.Location, "memory-part", $"{index}", mode])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;

        /// <summary>Milliseconds of some steps.</summary>
        public double Turn()
        {
            process.StandardInput.WriteLine();
            return double.Parse(
                process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The training ended."), CultureInfo.InvariantCulture);
        }

        public void Dispose()
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }
    }
}
