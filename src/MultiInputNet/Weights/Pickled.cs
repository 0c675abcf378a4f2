namespace MultiInputNet.Weights;

/// <summary>What a pickle describes.</summary>
/// <param name="Value">The value.</param>
/// <param name="End">The byte behind it.</param>
/// <param name="Unknown">The first name that it asks for and that is not known; null where it asks for none.</param>
internal sealed record Pickled(object? Value, int End, string? Unknown);
