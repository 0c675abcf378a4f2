using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Turns the output of a task's head into its answers.</summary>
internal static class Answers
{
    /// <param name="task">The task.</param>
    /// <param name="head">Its head.</param>
    /// <param name="spec">What the head was built from, for names and unit.</param>
    /// <param name="output">The result of the head's <c>forward</c>.</param>
    /// <returns>The answer for each sample.</returns>
    /// <exception cref="MultiInputException">The output of a sample is not finite.</exception>
    public static Prediction[] Of(string task, nn.Module<Tensor, Tensor> head, HeadSpec spec, Tensor output)
    {
        using var scope = NewDisposeScope();
        var known = head as TaskHead;
        CheckFinite(task, output, known?.MayGiveInfinity ?? true);
        var answers = (known is null ? output : known.Answer(output)).reshape(output.shape[0], -1).to(ScalarType.Float64).cpu().contiguous();
        var (count, width) = ((int)answers.shape[0], (int)answers.shape[1]);
        var numbers = answers.data<double>().ToArray();
        var kind = known?.PredictionKind ?? PredictionKind.Values;
        var names = spec.OutputLabels?.Count == width ? spec.OutputLabels : null;
        return [.. Enumerable.Range(0, count).Select(row => Answer(numbers[(row * width)..((row + 1) * width)]))];

        Prediction Answer(double[] sample) => kind switch
        {
            PredictionKind.Class => Prediction.OfClass(task, sample, names),
            PredictionKind.Labels => Prediction.OfLabels(task, sample, names),
            _ => Prediction.OfValues(task, sample, names, spec.OutputUnit),
        };
    }

    private static void CheckFinite(string task, Tensor output, bool mayBeInfinite)
    {
        var wrong = mayBeInfinite ? output.isnan() : output.isfinite().logical_not();
        if (!wrong.any().ToBoolean())
            return;
        var sample = wrong.flatten(start_dim: 1).any(1).nonzero()[0, 0].ToInt64();
        throw new MultiInputException(
            $"task '{task}'",
            ModelComponent.Head,
            $"its output for sample {sample} is not finite.",
            "Look for NaN or huge values in the sample, and in the model's weights and the statistics of its normalisations.");
    }
}
