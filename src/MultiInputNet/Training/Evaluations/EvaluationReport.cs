namespace MultiInputNet.Training;

/// <summary>What an evaluation knows of a task besides its <see cref="TaskMetrics"/>; empty where it does not apply.</summary>
internal sealed class EvaluationReport
{
    public IReadOnlyList<ClassScores> Classes { get; init; } = [];

    public IReadOnlyList<Confusion> Confusions { get; init; } = [];

    public Calibration? Calibration { get; init; }

    public IReadOnlyList<OutputScores> Outputs { get; init; } = [];

    public IReadOnlyList<EvaluatedSample> Predictions { get; set; } = [];

    /// <summary>What it adds to the metrics, by name.</summary>
    public IReadOnlyList<(string Name, double Value)> Metrics { get; init; } = [];
}
