using System.Runtime.InteropServices;
using MultiInputNet;
using TorchSharp;

/// <summary>Answers for new samples with a saved model, and writes them as CSV.</summary>
internal static class PredictionSession
{
    private const int Skipped = 2;

    public static int Run(PredictionSettings settings)
    {
        if (settings.FindMistake() is { } mistake)
        {
            Console.Error.WriteLine(mistake);
            return 1;
        }

        if (settings.Threads is { } threads)
            torch.set_num_threads(threads);
        using var cancel = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return Run(settings, cancel.Token);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine("Stopped; not all samples were answered.");
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = !cancel.IsCancellationRequested;
            cancel.Cancel();
        }
    }

    private static int Run(PredictionSettings settings, CancellationToken cancellation)
    {
        using var predictor = Engine.Load(settings.Model, settings.Engine, settings.Threads);
        if (settings.Named.Except(predictor.Description.Inputs.Select(input => input.Name)).FirstOrDefault() is { } unknown)
        {
            Console.Error.WriteLine($"The model has no input '{unknown}'; use one of {string.Join(", ", predictor.Description.Inputs.Select(input => input.Name))}.");
            return 1;
        }

        var source = NewSamples.Open(predictor.Description, settings);
        using (source as IDisposable)
        {
            var count = 0L;
            PredictionTable.Write(settings.Out, Rows());
            foreach (var broken in source.Broken)
                Console.Error.WriteLine($"Skipped {broken.Place}: {broken.Problem}");
            Console.Error.WriteLine(FormattableString.Invariant($"{count:N0} {(count == 1 ? "sample" : "samples")} of input '{source.Name}' answered{(settings.Out is null ? "" : $" in {settings.Out}")}."));
            return source.Broken.Count > 0 ? Skipped : 0;

            IEnumerable<(string, IReadOnlyDictionary<string, Prediction>)> Rows()
            {
                foreach (var sample in predictor.Predict(source, settings.Task is { } task ? [task] : null, cancellation))
                {
                    count++;
                    yield return (source.NameOf(sample.Row), sample.Predictions);
                }
            }
        }
    }
}
