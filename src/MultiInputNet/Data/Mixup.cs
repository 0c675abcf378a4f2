using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>
/// Mixes each sample of a batch with another one of it (Zhang et al., 2018): <c>λ x + (1 - λ) x'</c>, with the loss mixed in the
/// same way from those for both labels.
/// </summary>
/// <param name="Permutation">The position of each sample's partner in the batch, <c>(batch)</c> of 64-bit integers on the CPU.</param>
/// <param name="Lambda">The weight of the sample itself, from 0 to 1.</param>
internal sealed record Mixup(Tensor Permutation, double Lambda)
{
    /// <summary>Draws partners and <c>λ</c>, from Beta(alpha, alpha).</summary>
    /// <param name="count">Samples in the batch, at least 1.</param>
    /// <param name="alpha">From 0.01, which leaves nearly all samples as they are, to 100, which mixes nearly all half and half.</param>
    /// <param name="generator">The source of randomness, on the CPU; torch's random state when null.</param>
    /// <returns>The mixture, shared by all inputs of the batch; its tensor is owned by the caller.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range.</exception>
    public static Mixup Draw(long count, double alpha, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (alpha is not (>= 0.01 and <= 100))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, $"{nameof(alpha)} is {alpha}; give a number from 0.01 to 100.");
        using var scope = NewDisposeScope();
        return new(randperm(count, ScalarType.Int64, generator: generator).MoveToOuterDisposeScope(), DrawBeta(alpha, generator));
    }

    /// <summary>The mixed samples of an input.</summary>
    /// <param name="samples">The batch, floating point, <c>(batch, ...)</c>.</param>
    /// <returns>A new batch of the same shape.</returns>
    /// <exception cref="MultiInputException">The samples are integers, such as tokens, or not as many as the partners.</exception>
    public Tensor Mix(Tensor samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (!samples.is_floating_point() || samples.shape.FirstOrDefault() != Permutation.shape[0])
        {
            throw new MultiInputException(
                "mixup",
                ModelComponent.Training,
                $"the samples are {samples.dtype} of shape {Shapes.Text(samples.shape)}.",
                $"It takes {Permutation.shape[0]} samples of floating numbers; tokens cannot be mixed.");
        }

        using var scope = NewDisposeScope();
        return (Lambda * samples + (1 - Lambda) * Partners(samples)).MoveToOuterDisposeScope();
    }

    /// <summary>The loss of a task for mixed samples: <c>λ L(y) + (1 - λ) L(y')</c>, with <c>y'</c> the partners' labels.</summary>
    /// <param name="head">The task's head.</param>
    /// <param name="output">The model's output for the mixed samples.</param>
    /// <param name="target">The labels of the samples, in their order before mixing.</param>
    /// <returns>A scalar.</returns>
    /// <exception cref="MultiInputException">The labels have another shape, type or range.</exception>
    public Tensor Loss(TaskHead head, Tensor output, Tensor target)
    {
        ArgumentNullException.ThrowIfNull(head);
        ArgumentNullException.ThrowIfNull(target);
        using var scope = NewDisposeScope();
        return (Lambda * head.Loss(output, target) + (1 - Lambda) * head.Loss(output, Partners(target))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// A number from Beta(alpha, alpha). TorchSharp's distribution would draw from the global state, whatever generator it is given.
    /// </summary>
    private static double DrawBeta(double alpha, Generator? generator)
    {
        while (true)
        {
            using var scope = NewDisposeScope();
            var numbers = rand([2], ScalarType.Float64, generator: generator).Numbers<double>();
            var (u, v) = (1 - numbers[0], 1 - numbers[1]); // above 0

            // A symmetric beta distribution in polar coordinates (Ulrich, 1984).
            if (alpha >= 1)
                return (1 + Math.Sqrt(1 - Math.Pow(u, 2 / (2 * alpha - 1))) * Math.Cos(2 * Math.PI * v)) / 2;

            // The method of Jöhnk (1964) for small alpha, in logarithms, since powers of 1 / alpha may underflow.
            var (x, y) = (Math.Log(u) / alpha, Math.Log(v) / alpha);
            var sum = Math.Max(x, y) + Math.Log(1 + Math.Exp(-Math.Abs(x - y)));
            if (sum <= 0)
                return Math.Exp(x - sum);
        }
    }

    private Tensor Partners(Tensor values) => values.index_select(0, Permutation.to(values.device));
}
