using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// A trained model for answering only: it is loaded from a file, never changes, and any number of threads may call it at the same time.
/// </summary>
/// <remarks>
/// Threads get the same answers, to the bit, as one thread would, for the same batches. A sample's answer may round differently in batches
/// of different sizes.
/// </remarks>
public sealed class Predictor : IPredictor
{
    private readonly MultiInputModel model;

    private Predictor(MultiInputModel model) => this.model = model;

    /// <inheritdoc/>
    public ModelDescription Description => model.Description;

    /// <inheritdoc/>
    public int BatchSize => model.BatchSize;

    /// <summary>Loads a model that <see cref="MultiInputModel.Save"/> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">The device and what is needed to trust the file; the defaults when null.</param>
    /// <returns>The predictor.</returns>
    /// <exception cref="MultiInputException">As <see cref="MultiInputModel.Load"/>.</exception>
    public static Predictor Load(string path, PredictorOptions? options = null)
    {
        options ??= new();
        var model = MultiInputModel.Load(
            path, options.Device, options.CustomModules, options.TrustTorchScript, options.LargestPass ?? Limits.LargestPass);
        model.PrepareForInference();
        return new(model);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null) => model.PredictBatch(inputs, tasks);

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();
}
