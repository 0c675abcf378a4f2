namespace MultiInputNet.Data;

/// <summary>A sample that was skipped because it could not be read.</summary>
/// <param name="Place">The file, and the line if it is one row of many.</param>
/// <param name="Problem">What is wrong with it.</param>
public sealed record BrokenSample(string Place, string Problem);
