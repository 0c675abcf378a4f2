namespace MultiInputNet.Training;

/// <summary>What an evaluation returns besides metrics.</summary>
public sealed record EvaluationOptions
{
    /// <summary>
    /// Whether it returns the prediction for each sample (<see cref="TaskEvaluation.Predictions"/>), which takes memory: some hundred bytes
    /// for a sample and 8 for each of its classes, labels or values.
    /// </summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool KeepPredictions { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
