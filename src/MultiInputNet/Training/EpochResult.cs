namespace MultiInputNet.Training;

/// <summary>What an epoch of a training gave.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Losses">The mean training loss of each task over the epoch's steps.</param>
/// <param name="Validation">The evaluation of each task of the validation sources behind the epoch; empty without any.</param>
public sealed record EpochResult(
    int Epoch, IReadOnlyDictionary<string, double> Losses, IReadOnlyDictionary<string, TaskEvaluation> Validation);
