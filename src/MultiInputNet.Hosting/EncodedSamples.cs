using static TorchSharp.torch;

namespace MultiInputNet.Hosting;

/// <summary>Samples as a batch for each input.</summary>
internal sealed class EncodedSamples : IDisposable
{
    private EncodedSamples(IReadOnlyDictionary<string, Tensor> inputs, int count) => (Inputs, Count) = (inputs, count);

    public IReadOnlyDictionary<string, Tensor> Inputs { get; }

    public int Count { get; }

    /// <summary>Encodes samples, which must all have the inputs of the first.</summary>
    public static EncodedSamples Of(ModelDescription description, IReadOnlyList<IReadOnlyDictionary<string, InputValue>> samples)
    {
        using var scope = NewDisposeScope();
        var names = samples[0].Keys.ToArray();
        foreach (var (index, sample) in samples.Index())
        {
            if (sample.Count != names.Length || !names.All(sample.ContainsKey))
            {
                throw new MultiInputException(
                    $"sample {index}", ModelComponent.Input, $"it has the inputs {Names(sample.Keys)}, but the first sample has {Names(names)}.", "Give all samples the same inputs.");
            }
        }

        return new(names.ToDictionary(name => name, name => Encode(description, name, [.. samples.Select(sample => sample[name])]).MoveToOuterDisposeScope()), samples.Count);
    }

    public void Dispose()
    {
        foreach (var batch in Inputs.Values)
            batch.Dispose();
    }

    private static Tensor Encode(ModelDescription description, string name, IReadOnlyList<InputValue> values)
    {
        var spec = description.Input<InputSpec>(name);
        if (values.Contains(null!))
            throw new MultiInputException($"input '{name}'", ModelComponent.Input, "its sample is null.", "Give a value.");
        var encoded = values.Select(value => value.Encode(name, spec)).ToArray();
        return encoded.Length == 1 ? encoded[0] : cat(encoded, 0);
    }

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));
}
