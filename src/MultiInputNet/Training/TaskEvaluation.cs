using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>How well a task does on some samples.</summary>
/// <param name="Loss">
/// The mean loss over all labels present, of all batches together, without label smoothing and class weights; of standardised values for a
/// regression. NaN without labels.
/// </param>
/// <param name="Metrics">The task's metrics by name; NaN where there is no label.</param>
/// <param name="Primary">The name of the metric that a report shows first.</param>
/// <param name="HigherIsBetter">Whether a higher value of that metric is better.</param>
/// <param name="Count">How many samples with a label there were.</param>
public sealed record TaskEvaluation(
    double Loss, IReadOnlyDictionary<string, double> Metrics, string Primary, bool HigherIsBetter, long Count)
{
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
