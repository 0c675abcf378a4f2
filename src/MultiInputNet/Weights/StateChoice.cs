namespace MultiInputNet.Weights;

/// <summary>Chooses among the state dicts of a file.</summary>
/// <param name="candidates">The key of each, and the names of its tensors.</param>
/// <returns>The key of the one to read; null if there is no obvious one.</returns>
internal delegate string? StateChoice(IReadOnlyList<(string Key, IReadOnlyList<string> Names)> candidates);
