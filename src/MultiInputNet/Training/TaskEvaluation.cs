using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>How well a task does on some samples.</summary>
public sealed class TaskEvaluation
{
    /// <summary>
    /// The mean loss over all labels present, of all batches together, without label smoothing and class weights; of standardised values
    /// for a regression. NaN without labels.
    /// </summary>
    public required double Loss { get; init; }

    /// <summary>The task's metrics by name; NaN without labels.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>The name of the metric that a report shows first.</summary>
    public required string Primary { get; init; }

    /// <summary>Whether a higher value of that metric is better.</summary>
    public required bool HigherIsBetter { get; init; }

    /// <summary>The number of samples with a label.</summary>
    public required long Count { get; init; }

    /// <summary>The value of the metric that a report shows first.</summary>
    [JsonIgnore]
    public double PrimaryValue => Metrics[Primary];

    /// <summary>
    /// How well the task does, unit-free and higher if it is better: <see cref="TaskMetrics.Score"/>, by which
    /// <see cref="EarlyStopping"/> compares epochs.
    /// </summary>
    /// <value>Default: NaN, no value.</value>
    public double Score { get; init; } = double.NaN;

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
