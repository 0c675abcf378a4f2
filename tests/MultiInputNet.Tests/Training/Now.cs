using MultiInputNet.Training;

namespace MultiInputNet.Tests.Training;

/// <summary>Reports at once; <see cref="Progress{T}"/> would report later, on another thread.</summary>
internal sealed class Now(Action<TrainingProgress> report) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => report(value);
}
