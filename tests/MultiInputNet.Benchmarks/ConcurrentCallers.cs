using System.Diagnostics;
using MultiInputNet;
using static TorchSharp.torch;

/// <summary>
/// Callers that share a predictor, each on a thread of its own: whoever has the answer to a sample sends the next.
/// </summary>
internal sealed class ConcurrentCallers : IDisposable
{
    private readonly Thread[] threads;
    private readonly Barrier turn;
    private (IPredictor Predictor, int Repeats)? next;

    /// <summary>Starts the threads, which stay: neither they nor what libtorch keeps for each are part of a turn.</summary>
    /// <param name="count">The number of callers.</param>
    /// <param name="sample">The inputs of one sample.</param>
    public ConcurrentCallers(int count, IReadOnlyDictionary<string, Tensor> sample)
    {
        turn = new(count + 1);
        threads = [.. Enumerable.Range(0, count).Select(_ => new Thread(() => Call(sample)))];
        foreach (var thread in threads)
            thread.Start();
    }

    /// <summary>Compares the time in which each caller has an answer.</summary>
    /// <param name="name">The model's name in the title.</param>
    /// <param name="baseline">What answers in the baseline.</param>
    /// <param name="candidate">What answers in the candidate.</param>
    public Comparison Compare(string name, IPredictor baseline, IPredictor candidate) =>
        new($"{threads.Length} callers at once without batching, with it; {name}", repeats => Time(baseline, repeats), repeats => Time(candidate, repeats))
        {
            Turn = TimeSpan.FromMilliseconds(300),
        };

    /// <summary>Ends the threads.</summary>
    public void Dispose()
    {
        next = null;
        turn.SignalAndWait();
        foreach (var thread in threads)
            thread.Join();
        turn.Dispose();
    }

    private double Time(IPredictor predictor, int repeats)
    {
        next = (predictor, repeats);
        var start = Stopwatch.GetTimestamp();
        turn.SignalAndWait();
        turn.SignalAndWait();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
    }

    private void Call(IReadOnlyDictionary<string, Tensor> sample)
    {
        while (true)
        {
            turn.SignalAndWait();
            if (next is not var (predictor, repeats))
                return;
            for (var i = 0; i < repeats; i++)
                predictor.PredictBatch(sample);
            turn.SignalAndWait();
        }
    }
}
