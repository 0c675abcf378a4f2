namespace MultiInputNet.Weights;

/// <summary>What the reader of a format finds in a file.</summary>
/// <param name="Format">The format.</param>
/// <param name="Entries">The tensors, in the file's order.</param>
/// <param name="Metadata">Texts stored beside them.</param>
/// <param name="Key">Where a PyTorch checkpoint holds its state dict; null if the file is one.</param>
internal sealed record WeightContent(
    WeightFormat Format, IReadOnlyList<WeightEntry> Entries, IReadOnlyDictionary<string, string> Metadata, string? Key = null)
{
    /// <summary>The versions of its layers that PyTorch's state dict records, by name.</summary>
    public IReadOnlyDictionary<string, long> Versions { get; init; } = new Dictionary<string, long>();
}
