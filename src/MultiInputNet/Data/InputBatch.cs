using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>Samples that a source has read.</summary>
public sealed class InputBatch
{
    /// <summary>Creates a batch.</summary>
    /// <param name="rows">The numbers of the samples.</param>
    /// <param name="inputs">The samples of each input by its name.</param>
    public InputBatch(IReadOnlyList<long> rows, IReadOnlyDictionary<string, Tensor> inputs) => (Rows, Inputs) = (rows, inputs);

    /// <summary>The numbers of the samples, in the order of the batch, without those that could not be read and were skipped.</summary>
    public IReadOnlyList<long> Rows { get; init; }

    /// <summary>The samples of each input by its name, along the first dimension, in the order of <see cref="Rows"/>.</summary>
    public IReadOnlyDictionary<string, Tensor> Inputs { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
