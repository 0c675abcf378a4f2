namespace MultiInputNet;

/// <summary>What a fusion of several inputs does with their vectors.</summary>
internal enum Combination
{
    /// <summary>Concatenation: lengths add up.</summary>
    Concatenation,

    /// <summary>Their sum: all must have the same length.</summary>
    Sum,

    /// <summary>Their mean: all must have the same length.</summary>
    Mean,
}
