using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>What the base made of some samples of an input.</summary>
public sealed class InputFeatures : IDisposable
{
    /// <summary>The input.</summary>
    public required string Input { get; init; }

    /// <summary>The source of the samples.</summary>
    public required string Source { get; init; }

    /// <summary>
    /// A vector for each sample, the mean of its base features over all positions of the map or all tokens, <c>(samples, channels)</c>, in
    /// double precision on the CPU.
    /// </summary>
    public required Tensor Values { get; init; }

    /// <summary>The number of each sample in its source, in the order of <see cref="Values"/>.</summary>
    public required IReadOnlyList<long> Rows { get; init; }

    /// <summary>The labels of the samples for each task of the source that reads the input, on the CPU; empty without labels.</summary>
    public required IReadOnlyDictionary<string, Tensor> Labels { get; init; }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Values.Dispose();
        foreach (var labels in Labels.Values)
            labels.Dispose();
    }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
