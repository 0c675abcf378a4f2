using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>The results of an epoch of a training.</summary>
/// <param name="Epoch">The epoch, from 1.</param>
/// <param name="Phase">The phase of the plan, from 1.</param>
/// <param name="Step">Steps done since the training began.</param>
/// <param name="LearningRate">The rate of its last step.</param>
/// <param name="Losses">The mean training loss of each task over the labels that the epoch's steps had for it.</param>
/// <param name="EpochsSeen">How often each source has been passed since the training began, such as 2.5 times.</param>
/// <param name="Validation">The evaluation of each task of the validation sources behind the epoch; empty without any.</param>
public sealed record EpochResult(
    int Epoch,
    [property: JsonPropertyName("stage")] int Phase, // its name in files
    long Step,
    double LearningRate,
    IReadOnlyDictionary<string, double> Losses,
    IReadOnlyDictionary<string, double> EpochsSeen,
    IReadOnlyDictionary<string, TaskEvaluation> Validation)
{
    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
