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

    // Maps of up to 16 MiB, a quarter of what a model runs at once: glibc reuses such blocks even where freed memory is not kept.
    private Predictor(MultiInputModel model) => (this.model, BatchSize) = (model, Math.Max(1, model.BatchSize / 4));

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
        model.PrepareForInference();
        return new(model);
    }

    /// <inheritdoc/>
    /// <remarks>A larger batch than <see cref="BatchSize"/> is run in pieces of that size.</remarks>
    public IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var counts = inputs.Values.Select(batch => batch is { IsInvalid: false } ? batch.shape.FirstOrDefault() : 0).Distinct().ToArray();
        if (counts is not [var count] || count <= BatchSize)
            return model.PredictBatch(inputs, tasks);
        using var scope = NewDisposeScope();
        var answers = new Dictionary<string, List<Prediction>>();
        for (var start = 0L; start < count; start += BatchSize)
        {
            var length = Math.Min(BatchSize, count - start);
            var piece = inputs.ToDictionary(input => input.Key, input => input.Value.narrow(0, start, length));
            foreach (var (task, given) in model.PredictBatch(piece, tasks))
            {
                if (!answers.TryGetValue(task, out var all))
                    answers.Add(task, all = []);
                all.AddRange(given);
            }
        }

        return answers.ToDictionary(task => task.Key, IReadOnlyList<Prediction> (task) => task.Value);
    }

    /// <inheritdoc/>
    public void Dispose() => model.Dispose();
}
