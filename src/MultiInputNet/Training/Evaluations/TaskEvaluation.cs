using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>How well a task does on some samples.</summary>
/// <remarks>
/// Evaluations during a training have the metrics alone, so that epochs take no longer; those by <c>Trainer.Evaluate</c> have everything.
/// For a head of your own they have it where <see cref="TaskHead.PredictionKind"/> says what it predicts and its labels are as those of the
/// library's heads.
/// </remarks>
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

    /// <summary>
    /// How well each class of a classification or each label of a multi-label task is recognised, in the order of their numbers; empty for
    /// other tasks.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyList<ClassScores> Classes => Report?.Classes ?? [];

    /// <summary>
    /// The confusion matrix of a classification: its cells that are not 0, ordered by label and prediction; empty for other tasks.
    /// </summary>
    [JsonIgnore]
    public IReadOnlyList<Confusion> Confusions => Report?.Confusions ?? [];

    /// <summary>How well the probabilities of a classification, or those of all labels, are calibrated; null for other tasks.</summary>
    [JsonIgnore]
    public Calibration? Calibration => Report?.Calibration;

    /// <summary>The errors of each output of a regression; empty for other tasks.</summary>
    [JsonIgnore]
    public IReadOnlyList<OutputScores> Outputs => Report?.Outputs ?? [];

    /// <summary>
    /// The prediction for each sample that could be read, with its label if it has one, in the order of the sources and their samples; empty
    /// unless they are kept (<see cref="EvaluationOptions.KeepPredictions"/>).
    /// </summary>
    [JsonIgnore]
    public IReadOnlyList<EvaluatedSample> Predictions => Report?.Predictions ?? [];

    /// <summary>What <see cref="Trainer"/> found besides the metrics; null in evaluations during a training.</summary>
    [JsonIgnore]
    internal EvaluationReport? Report { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
