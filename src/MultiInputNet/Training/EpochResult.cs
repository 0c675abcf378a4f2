using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>The results of an epoch of a training.</summary>
public sealed class EpochResult
{
    /// <summary>The epoch, from 1.</summary>
    public required int Epoch { get; init; }

    /// <summary>The phase of the plan, from 1.</summary>
    [JsonPropertyName("stage")] // its name in files
    public required int Phase { get; init; }

    /// <summary>Steps done since the training began.</summary>
    public required long Step { get; init; }

    /// <summary>The learning rate of its last step.</summary>
    public required double LearningRate { get; init; }

    /// <summary>The mean training loss of each task over the labels that the epoch's steps had for it.</summary>
    public required IReadOnlyDictionary<string, double> Losses { get; init; }

    /// <summary>How often each source has been seen since the training began, such as 2.5 times.</summary>
    public required IReadOnlyDictionary<string, double> EpochsSeen { get; init; }

    /// <summary>The evaluation of each task of the validation sources after the epoch; empty without any.</summary>
    public required IReadOnlyDictionary<string, TaskEvaluation> Validation { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
