using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The scores of the labels of a multi-label task so far.</summary>
/// <param name="names">The names of the labels.</param>
internal sealed class LabelTally(IReadOnlyList<string> names) : ScoreTally
{
    private readonly long[] counts = new long[names.Count];
    private readonly long[] support = new long[names.Count];
    private readonly long[] predicted = new long[names.Count];
    private readonly long[] correct = new long[names.Count];
    private readonly CalibrationTally[] calibrations = [.. names.Select(_ => new CalibrationTally())];

    public override bool Add(Tensor answers, Tensor target)
    {
        if (!target.is_floating_point() || !target.shape.SequenceEqual(answers.shape))
            return false;
        using var scope = NewDisposeScope();
        var (probabilities, labels) = (Numbers(answers), Numbers(target));
        for (var i = 0; i < labels.Length; i++)
        {
            if (double.IsNaN(labels[i]))
                continue;
            var label = i % names.Count;
            var (isPredicted, isPresent) = (probabilities[i] > 0.5, labels[i] > 0.5);
            counts[label]++;
            support[label] += isPresent ? 1 : 0;
            predicted[label] += isPredicted ? 1 : 0;
            correct[label] += isPredicted && isPresent ? 1 : 0;
            calibrations[label].Add(probabilities[i], isPresent);
        }

        return true;
    }

    public override EvaluationReport Result()
    {
        var all = new CalibrationTally();
        foreach (var calibration in calibrations)
            all.Add(calibration);
        var calibrated = all.Result();
        ClassScores[] scores = [.. names.Select((name, label) =>
            new ClassScores(name, counts[label], support[label], predicted[label], correct[label], calibrations[label].Result()))];
        return new()
        {
            Classes = scores,
            Calibration = calibrated,
            Metrics =
            [
                ("macro_f1", scores.Select(label => label.F1).Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average()),
                ("calibration_error", calibrated.Error),
            ],
        };
    }
}
