namespace MultiInputNet.Training;

/// <summary>Where a training stands behind a step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Steps">All steps.</param>
/// <param name="Epoch">The epoch of this step, from 1.</param>
/// <param name="Epochs">All epochs.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="Losses">The loss of each task in this step.</param>
public sealed record TrainingProgress(
    long Step, long Steps, int Epoch, int Epochs, double LearningRate, IReadOnlyDictionary<string, double> Losses);
