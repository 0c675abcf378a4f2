using System.Diagnostics;
using MultiInputNet;
using MultiInputNet.Hosting;
using static TorchSharp.torch;

/// <summary>Callers that share a predictor, each with one sample at a time, with and without dynamic batching.</summary>
internal static class ConcurrentCallers
{
    /// <summary>Compares the time of a call of each caller; the callers' threads are part of it.</summary>
    /// <param name="name">The model's name in the title.</param>
    /// <param name="predictor">What answers.</param>
    /// <param name="sample">The inputs of one sample.</param>
    /// <param name="callers">The number of callers.</param>
    public static Comparison Compare(string name, IPredictor predictor, IReadOnlyDictionary<string, Tensor> sample, int callers = 8)
    {
        var batching = new BatchingPredictor(predictor);
        return new($"{callers} callers at once without batching, with it; {name}", repeats => Time(predictor, repeats), repeats => Time(batching, repeats));

        double Time(IPredictor answers, int repeats)
        {
            var start = Stopwatch.GetTimestamp();
            Thread[] threads = [.. Enumerable.Range(0, callers).Select(_ => new Thread(() =>
            {
                for (var i = 0; i < repeats; i++)
                    answers.PredictBatch(sample);
            }))];
            foreach (var thread in threads)
                thread.Start();
            foreach (var thread in threads)
                thread.Join();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds / repeats;
        }
    }
}
