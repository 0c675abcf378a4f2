namespace MultiInputNet.Insights.Tests.Training;

/// <summary>Does something at each report, on the thread that reports.</summary>
internal sealed class Doing<T>(Action<T> action) : IProgress<T>
{
    public void Report(T value) => action(value);
}
