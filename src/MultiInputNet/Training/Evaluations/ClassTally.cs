using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The scores of the classes of a classification so far.</summary>
/// <param name="names">The names of the classes.</param>
internal sealed class ClassTally(IReadOnlyList<string> names) : ScoreTally
{
    private readonly ClassificationMetrics counts = new(names.Count);
    private readonly CalibrationTally calibration = new();

    public override bool Add(Tensor answers, Tensor target)
    {
        if (target.dim() != 1 || target.is_floating_point())
            return false;
        using var scope = NewDisposeScope();
        var labels = target.to(ScalarType.Int64).Numbers<long>();
        if (labels.Max() >= names.Count)
            return false;
        var (largest, predicted) = answers.max(1);
        var (probabilities, predictions) = (Numbers(largest), predicted.Numbers<long>());
        counts.Count(labels, predictions);
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] >= 0)
                calibration.Add(probabilities[i], labels[i] == predictions[i]);
        }

        return true;
    }

    public override EvaluationReport Result()
    {
        var calibrated = calibration.Result();
        return new()
        {
            Classes = [.. names.Select(Scores)],
            Confusions = [.. counts.Cells.Select(cell => new Confusion(cell.Label, cell.Prediction, cell.Count)).OrderBy(cell => (cell.Label, cell.Prediction))],
            Calibration = calibrated,
            Metrics = [("calibration_error", calibrated.Error)],
        };
    }

    private ClassScores Scores(string name, int number)
    {
        var (support, predicted, correct) = counts.ScoresOf(number);
        return new(name, counts.All, support, predicted, correct);
    }
}
