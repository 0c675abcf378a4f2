using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>Samples that a source has read.</summary>
/// <param name="Rows">The numbers of the samples, in the order of the batch, without those that could not be read and were skipped.</param>
/// <param name="Inputs">The samples of each input by its name, along the first dimension, in the order of <paramref name="Rows"/>.</param>
public sealed record InputBatch(IReadOnlyList<long> Rows, IReadOnlyDictionary<string, Tensor> Inputs)
{
    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
