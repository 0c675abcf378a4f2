using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Advice from what tasks and inputs do to the base.</summary>
internal static class SharingAdvice
{
    private const double OpposedCosine = -0.1;
    private const double OpposedShare = 0.75;
    private const double IdleNorm = 1e-6;
    private const double IdleDeviation = 1e-3;
    private const int Samples = 64;

    /// <summary>Tasks whose gradients oppose each other.</summary>
    public static IEnumerable<Advice> OpposedTasks(TaskGradients gradients)
    {
        for (var i = 0; i < gradients.Tasks.Count; i++)
        {
            for (var j = i + 1; j < gradients.Tasks.Count; j++)
            {
                var (cosine, share) = (gradients.Cosines[i][j], gradients.OpposedShares[i][j]);
                if (!(cosine < OpposedCosine && share >= OpposedShare))
                    continue;
                yield return new()
                {
                    Kind = AdviceKind.OpposedTasks,
                    Subject = $"tasks '{gradients.Tasks[i]}' and '{gradients.Tasks[j]}'",
                    Measured = Invariant($"their gradients on the base oppose each other, with a cosine of {cosine:0.00}, below 0 in {share:0%} of {gradients.Batches} batches: what helps one hurts the other."),
                    ToDo = "Look at whether their labels contradict each other; otherwise try LossBalancing.PCGrad or CAGrad, a wider base, layers for each input, or a base for each.",
                    Numbers = new Dictionary<string, double> { ["cosine"] = cosine, ["share"] = share },
                };
            }
        }
    }

    /// <summary>Inputs that do not move the base, or whose samples it does not tell apart.</summary>
    public static IEnumerable<Advice> IdleInputs(MultiInputModel model, IReadOnlyList<DataSource> sources, TaskGradients gradients, CancellationToken cancellationToken)
    {
        var largest = gradients.InputNorms.Values.DefaultIfEmpty(0).Max();
        var deviations = Deviations(model, sources, cancellationToken);
        foreach (var (input, norm) in gradients.InputNorms)
        {
            var isStill = largest > 0 && norm < IdleNorm * largest;
            if (!isStill && !(deviations.TryGetValue(input, out var deviation) && deviation < IdleDeviation))
                continue;
            yield return new()
            {
                Kind = AdviceKind.IdleInput,
                Subject = $"input '{input}'",
                Measured = isStill
                    ? Invariant($"its gradient on the base has a norm of {norm:G3}, and the largest of an input is {largest:G3}: it does not move the base.")
                    : Invariant($"the base features of its samples deviate by {deviations[input]:G3} of their size: the base does not tell them apart."),
                ToDo = "Look at whether its values vary and are standardised, and whether its projection passes them on: units that are never active, or weights of 0, stop both.",
                Numbers = new Dictionary<string, double> { ["norm"] = norm, ["largest_norm"] = largest, ["deviation"] = deviations.GetValueOrDefault(input, double.NaN) },
            };
        }
    }

    /// <summary>How much the base features of each input's samples differ, as a share of their size.</summary>
    private static Dictionary<string, double> Deviations(MultiInputModel model, IReadOnlyList<DataSource> sources, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        return Insight.BaseFeatures(model, sources, Samples, cancellationToken: cancellationToken).GroupBy(its => its.Input).ToDictionary(group => group.Key, group =>
        {
            using var values = cat([.. group.Select(its => its.Values)], 0);
            foreach (var its in group)
                its.Dispose();
            var size = values.square().mean().sqrt().ToDouble();
            return values.shape[0] < 2 ? double.NaN : size == 0 ? 0 : values.var(0, unbiased: false).mean().sqrt().ToDouble() / size;
        });
    }

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
