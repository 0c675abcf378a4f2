using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>How well a task does on some samples.</summary>
/// <param name="Loss">The mean loss of the batches, weighted by their sizes; without label smoothing and class weights.</param>
/// <param name="Metrics">The task's metrics by name.</param>
/// <param name="Primary">The name of the metric that a report shows first.</param>
/// <param name="HigherIsBetter">Whether a higher value of that metric is better.</param>
/// <param name="Count">How many samples there were.</param>
public sealed record TaskEvaluation(
    double Loss, IReadOnlyDictionary<string, double> Metrics, string Primary, bool HigherIsBetter, long Count)
{
    /// <summary>The value of the metric that a report shows first.</summary>
    [JsonIgnore]
    public double PrimaryValue => Metrics[Primary];
}
