using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Something that answers: a <see cref="MultiInputModel"/> as it is, or a <see cref="Predictor"/>, which is made for that alone.
/// <see cref="PredictorExtensions"/> adds the calls that take raw samples.
/// </summary>
/// <remarks>
/// Any number of threads may call a <see cref="Predictor"/>, or a model in evaluation mode, at the same time, while other models train and
/// others are loaded. Each gets the answers that a single thread would get for the same batches, to the bit; it must not be disposed of
/// meanwhile. A sample's answer may round differently in batches of different sizes.
/// </remarks>
public interface IPredictor : IDisposable
{
    /// <summary>The inputs and tasks.</summary>
    ModelDescription Description { get; }

    /// <summary>How many samples to run at once when there are many: a matter of memory and speed only.</summary>
    int BatchSize { get; }

    /// <summary>Answers for batches.</summary>
    /// <param name="inputs">
    /// A batch for each input by its name, <c>(batch, ...)</c>, on any device and in any floating-point type, raw as the input takes it.
    /// Batch sizes may differ between inputs that no task combines.
    /// </param>
    /// <param name="tasks">The tasks to run; every task whose inputs are all given when null.</param>
    /// <returns>For each task by its name, the answer for each sample.</returns>
    /// <exception cref="MultiInputException">
    /// A name or a batch does not fit, no task can run, or an output is not finite.
    /// </exception>
    IReadOnlyDictionary<string, IReadOnlyList<Prediction>> PredictBatch(
        IReadOnlyDictionary<string, Tensor> inputs, IReadOnlyCollection<string>? tasks = null);
}
