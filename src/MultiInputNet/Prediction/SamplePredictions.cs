namespace MultiInputNet;

/// <summary>The answers for one sample of a source.</summary>
/// <param name="row">The number of the sample in its source, from 0.</param>
/// <param name="predictions">The answer of each task by its name.</param>
public sealed class SamplePredictions(long row, IReadOnlyDictionary<string, Prediction> predictions)
{
    /// <summary>The number of the sample in its source, from 0.</summary>
    public long Row { get; } = row;

    /// <summary>The answer of each task by its name.</summary>
    public IReadOnlyDictionary<string, Prediction> Predictions { get; } = predictions;

    /// <summary>The answer of a task.</summary>
    /// <param name="task">The task's name.</param>
    public Prediction this[string task] => Predictions[task];

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Row}: {string.Join("; ", Predictions.Select(answer => $"{answer.Key} {answer.Value}"))}";
}
