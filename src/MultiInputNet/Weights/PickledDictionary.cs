namespace MultiInputNet.Weights;

/// <summary>A dictionary of a pickle: its items in the order in which they were set, not looked up by key.</summary>
internal sealed class PickledDictionary
{
    /// <summary>Whether it is Python's <c>OrderedDict</c>, as a state dict is.</summary>
    public bool IsOrdered { get; init; }

    public List<(object? Key, object? Value)> Items { get; } = [];
}
