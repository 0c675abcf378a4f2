using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>The scores of the outputs of a regression so far.</summary>
/// <param name="names">The names of the outputs.</param>
internal sealed class ValueTally(IReadOnlyList<string> names) : ScoreTally
{
    private readonly RegressionMetrics errors = new(names.Count);

    public override bool Add(Tensor answers, Tensor target)
    {
        using var scope = NewDisposeScope();
        var labels = target.reshape(target.shape[0], -1);
        if (!labels.is_floating_point() || !labels.shape.SequenceEqual(answers.shape))
            return false;
        errors.Update(answers, labels);
        return true;
    }

    public override EvaluationReport Result() => new() { Outputs = [.. names.Select(Scores)] };

    private OutputScores Scores(string name, int output)
    {
        var (count, meanError, mae, rmse, r2) = errors.ScoresOf(output);
        return new(name, count, meanError, mae, rmse, r2);
    }
}
