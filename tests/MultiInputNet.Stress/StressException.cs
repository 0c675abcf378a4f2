namespace MultiInputNet.Stress;

/// <summary>What was to hold does not.</summary>
internal sealed class StressException(string message) : Exception(message);
