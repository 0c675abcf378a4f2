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
        var answers = (known is null ? output : known.Answer(output)).reshape(output.size(0), -1).to(ScalarType.Float64);
        return Of(
            task,
            known?.PredictionKind ?? PredictionKind.Values,
            known?.MayGiveInfinity ?? true,
            spec,
            answers.Numbers<double>(),
            (int)answers.size(0));
    }

    /// <param name="task">The task.</param>
    /// <param name="kind">What kind of answer its head gives.</param>
    /// <param name="mayBeInfinite">Whether the head may give infinity.</param>
    /// <param name="spec">What the head was built from, for names and unit.</param>
    /// <param name="numbers">The numbers of the answers, sample after sample.</param>
    /// <param name="count">The number of samples.</param>
    /// <returns>The answer for each sample.</returns>
    /// <exception cref="MultiInputException">A number of a sample is not finite.</exception>
    public static Prediction[] Of(string task, PredictionKind kind, bool mayBeInfinite, HeadSpec spec, double[] numbers, int count)
    {
        var width = numbers.Length / count;
        CheckFinite(task, numbers, width, mayBeInfinite);
        var names = spec.OutputLabels?.Count == width ? spec.OutputLabels : null;
        return [.. Enumerable.Range(0, count).Select(row => Answer(numbers[(row * width)..((row + 1) * width)]))];

        Prediction Answer(double[] sample) => kind switch
        {
            PredictionKind.Class => Prediction.OfClass(task, sample, names),
            PredictionKind.Labels => Prediction.OfLabels(task, sample, names),
            _ => Prediction.OfValues(task, sample, names, spec.OutputUnit),
        };
    }

    /// <summary>The exception for a sample that has no finite answer.</summary>
    public static MultiInputException NotFinite(string task, int sample) => new(
        $"task '{task}'",
        ModelComponent.Head,
        $"its output for sample {sample} is not finite.",
        "Look for NaN or huge values in the sample, and in the model's weights and the statistics of its normalisations.");

    // In managed code: for one sample, calls of libtorch would take longer than the head.
    private static void CheckFinite(string task, double[] numbers, int width, bool mayBeInfinite)
    {
        var wrong = Array.FindIndex(numbers, number => double.IsNaN(number) || (double.IsInfinity(number) && !mayBeInfinite));
        if (wrong >= 0)
            throw NotFinite(task, wrong / width);
    }
}
