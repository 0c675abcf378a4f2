using System.Numerics;
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

    private Predictor(MultiInputModel model, int batchSize) => (this.model, BatchSize) = (model, batchSize);

    /// <inheritdoc/>
    public ModelDescription Description => model.Description;

    /// <inheritdoc/>
    public int BatchSize { get; }

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

        // Where batches of one size are faster than others, a usual size.
        var largest = LargestBatch(model);
        var usual = Math.Min(largest, 32);
        return new(model, model.PrepareForInference(usual) ? usual : largest);
    }

    /// <inheritdoc/>
    /// <remarks>A larger batch than <see cref="BatchSize"/> is run in pieces of that size.</remarks>
    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null) =>
        ModelCall.InPieces(inputs, BatchSize, piece => model.PredictBatch(piece, tasks));

    // A power of two, so that usual batches are cut into equal pieces. Where freed memory is not kept, maps of up to 16 MiB, a quarter of
    // what a model runs at once, which glibc reuses even then.
    private static int LargestBatch(MultiInputModel model) =>
        1 << BitOperations.Log2((uint)Math.Max(1, FreedMemory.IsKept ? model.BatchSize : model.BatchSize / 4));

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();
}
