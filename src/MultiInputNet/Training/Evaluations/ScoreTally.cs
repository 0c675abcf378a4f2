using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Scores of each class, label or output of a task so far.</summary>
internal abstract class ScoreTally
{
    /// <summary>Adds a batch.</summary>
    /// <param name="answers">Probabilities or values, <c>(batch, outputs)</c>.</param>
    /// <param name="target">The labels.</param>
    /// <returns>False if the labels are of another form than the library's heads take, as those of a user's head may be.</returns>
    public abstract bool Add(Tensor answers, Tensor target);

    public abstract EvaluationReport Result();

    /// <summary>The values of a tensor, row by row.</summary>
    internal static double[] Numbers(Tensor values) => values.to(ScalarType.Float64).Numbers<double>();
}
