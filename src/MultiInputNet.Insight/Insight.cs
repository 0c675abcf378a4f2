namespace MultiInputNet.Insights;

/// <summary>What a model looks at, what its inputs share, and how its training went: as tensors and records, and as a report.</summary>
/// <remarks>
/// Nothing here changes a model: its weights, gradients, training mode, statistics and hooks, and torch's random state, are as before.
/// </remarks>
public static partial class Insight
{
}
