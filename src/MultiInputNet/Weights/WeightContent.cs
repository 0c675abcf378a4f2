namespace MultiInputNet.Weights;

/// <summary>What the reader of a format finds in a file.</summary>
/// <param name="Format">The format.</param>
/// <param name="Entries">The tensors, in the file's order.</param>
/// <param name="Metadata">Texts beside them.</param>
/// <param name="Key">Where a PyTorch checkpoint holds its state dict; null when it is one.</param>
internal sealed record WeightContent(
    WeightFormat Format, IReadOnlyList<WeightEntry> Entries, IReadOnlyDictionary<string, string> Metadata, string? Key = null)
{
    /// <summary>The versions that PyTorch's state dict tells of its layers, by their names.</summary>
    public IReadOnlyDictionary<string, long> Versions { get; init; } = new Dictionary<string, long>();
}
