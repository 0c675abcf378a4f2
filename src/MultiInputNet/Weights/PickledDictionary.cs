namespace MultiInputNet.Weights;

/// <summary>
/// A dictionary of a pickle: its items in the order in which they were set, not looked up by key. It also stands for every class and
/// object of Python that is no tensor, number, text or collection; those stay what a pickle says of them, and nothing of them runs.
/// </summary>
internal sealed class PickledDictionary
{
    /// <summary>Whether it is Python's <c>OrderedDict</c>, as a state dict is.</summary>
    public bool IsOrdered { get; init; }

    /// <summary>The class of an object that is not known here, such as <c>argparse.Namespace</c>; null for a dictionary.</summary>
    public string? ClassName { get; init; }

    public List<(object? Key, object? Value)> Items { get; } = [];

    /// <summary>What Python would set as the dictionary's attributes.</summary>
    public PickledDictionary? Attributes { get; set; }
}
