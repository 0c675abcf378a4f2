namespace MultiInputNet.Weights;

/// <summary>What a pickle describes.</summary>
/// <param name="Value">The value.</param>
/// <param name="End">The byte after it.</param>
/// <param name="Unknown">The first unknown name that it refers to; null if there is none.</param>
internal sealed record Pickled(object? Value, int End, string? Unknown);
