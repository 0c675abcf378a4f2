using System.Runtime.InteropServices;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Stress;

/// <summary>
/// A training as a process of its own. It prints where it is, waits for a line before it goes on, and goes on from the checkpoints that it
/// finds; SIGTERM cancels it.
/// </summary>
internal static class InterruptedTraining
{
    public const string ModelFile = "model.safetensors";
    public const string HistoryFile = "history.csv";

    /// <summary>The exit code of a training that was cancelled.</summary>
    public const int Stopped = 3;

    /// <summary>What it prints once it has been asked to end.</summary>
    public const string Stopping = "stopping";

    public static int Run(string folder, int seed, int number)
    {
        using var stop = new CancellationTokenSource();
        using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = true;
            stop.Cancel();
            Console.WriteLine(Stopping);
        });
        var training = TrainingCase.All(seed)[number];
        var ends = training.PhaseEnds.ToArray();
        try
        {
            Train(training, new(folder) { EverySteps = 2 }, folder, () => Wait("validation"), step =>
            {
                var perEpoch = step.Steps / step.Epochs;
                Wait(step.EpochResult is not null
                    ? ends.Contains(step.Epoch) ? "boundary" : "epoch"
                    : ends.Any(end => step.Step == end * perEpoch + 1) ? "phase" : "step");
            }, stop.Token);
            return 0;
        }
        catch (OperationCanceledException e) when (stop.IsCancellationRequested)
        {
            Console.WriteLine(e.Message);
            return Stopped;
        }
    }

    /// <summary>Trains to the end and writes model and history.</summary>
    public static void Train(
        TrainingCase training, CheckpointOptions? checkpoints, string folder, Action? onValidation = null, Action<TrainingProgress>? onStep = null, CancellationToken cancellation = default)
    {
        set_num_threads(1); // threads of several processes would wait for each other
        using var model = TrainingCase.Build();
        var trainer = new Trainer(model, training.Options with { Checkpoints = checkpoints });

        // Samples are read for fingerprints too, in training mode.
        var (sources, validation) = TrainingCase.Sources(() =>
        {
            if (!model.training)
                onValidation?.Invoke();
        });
        var progress = onStep is null ? null : new Now(onStep);
        var history = checkpoints is null ? trainer.Fit(sources, validation, progress, cancellation) : trainer.Resume(sources, validation, progress, cancellation);
        history.SaveCsv(Path.Combine(folder, HistoryFile));
        model.Save(Path.Combine(folder, ModelFile));
    }

    private static void Wait(string place)
    {
        Console.WriteLine(place);
        if (Console.ReadLine() is null)
            throw new StressException("Nobody waits for this training any more.");
    }

    /// <summary>Reports at once, on the thread that trains.</summary>
    public sealed class Now(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
