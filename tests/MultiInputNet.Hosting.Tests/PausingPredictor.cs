using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

/// <summary>A predictor that waits until it may compute, and remembers the batches that it was given.</summary>
internal sealed class PausingPredictor(IPredictor predictor) : IPredictor
{
    private readonly SemaphoreSlim started = new(0);
    private readonly ManualResetEventSlim open = new(initialState: true);

    public ModelDescription Description => predictor.Description;

    public int BatchSize => predictor.BatchSize;

    /// <summary>Batch sizes, in the order in which they were computed.</summary>
    public List<long> Sizes { get; } = [];

    /// <summary>Fails for batches for which it is true.</summary>
    public Func<IReadOnlyDictionary<string, Tensor>, bool> Fails { get; set; } = _ => false;

    public bool IsDisposed { get; private set; }

    public void Pause() => open.Reset();

    public void Continue() => open.Set();

    /// <summary>Waits until a batch has reached the model since the last call.</summary>
    public Task ReachedAsync() => started.WaitAsync(TimeSpan.FromMinutes(1));

    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null)
    {
        Sizes.Add(inputs.Values.First().shape[0]);
        started.Release();
        open.Wait(TimeSpan.FromMinutes(1)).Should().BeTrue();
        return Fails(inputs) ? throw new InvalidOperationException("secret of the server") : predictor.PredictBatch(inputs, tasks);
    }

    public void Dispose()
    {
        IsDisposed = true;
        predictor.Dispose();
    }
}
