namespace MultiInputNet.Weights;

/// <summary>
/// A dictionary of a pickle: its items in the order in which they were set, without lookup by key. It also represents every Python class
/// and object that is not a tensor, number, text or collection; for these it merely records what the pickle says, and runs nothing.
/// </summary>
internal sealed class PickledDictionary
{
    /// <summary>Whether it is Python's <c>OrderedDict</c>, like a state dict.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>The class of an object of unknown type, such as <c>argparse.Namespace</c>; null for a dictionary.</summary>
    public string? ClassName { get; init; }

    public List<(object? Key, object? Value)> Items { get; } = [];

    /// <summary>What Python would set as attributes of the dictionary.</summary>
    public PickledDictionary? Attributes { get; set; }
}
