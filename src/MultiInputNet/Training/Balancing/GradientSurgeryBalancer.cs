using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>
/// Replaces the sum of the tasks' gradients of the shared parameters by another combination of them. The combination depends only on the
/// products of the gradients with each other, so the gradients are never concatenated into one long vector.
/// </summary>
/// <remarks>Memory: one gradient of the shared parameters per task. Time: one backward pass per task.</remarks>
internal abstract class GradientSurgeryBalancer(IReadOnlyList<string> tasks) : LossBalancer(tasks)
{
    private readonly Dictionary<string, double> current = tasks.ToDictionary(task => task, _ => 1.0);

    internal sealed override bool MayDraw => false;

    public sealed override IReadOnlyDictionary<string, double> Weights => new Dictionary<string, double>(current);

    /// <summary>The factor of each gradient.</summary>
    /// <param name="products">The product of each gradient with each other; on the diagonal, the squares of their norms.</param>
    /// <param name="names">The tasks of the gradients.</param>
    /// <param name="step">The step, from 0.</param>
    protected abstract double[] Combine(double[,] products, IReadOnlyList<string> names, long step);

    protected sealed override void Descend(IReadOnlyList<(string Task, Tensor Loss)> losses, IReadOnlyList<Parameter> shared, long step)
    {
        if (losses.Count == 1 || shared.Count == 0)
        {
            losses.Select(loss => loss.Loss).Aggregate((sum, loss) => sum + loss).backward();
            foreach (var (task, _) in losses)
                current[task] = 1;
            return;
        }

        // Each pass leaves the gradients of the task's own parameters in place; those of the shared ones are taken out.
        var before = shared.Select(parameter => parameter.grad).ToArray();
        var gradients = new List<Tensor?[]>();
        foreach (var (index, (_, loss)) in losses.Index())
        {
            foreach (var parameter in shared)
                parameter.grad = null;
            loss.backward(retain_graph: index < losses.Count - 1);
            gradients.Add([.. shared.Select(parameter => parameter.grad)]);
        }

        using var noGrad = no_grad();
        var names = losses.Select(loss => loss.Task).ToArray();
        var factors = Combine(Products(gradients, shared), names, step);
        foreach (var (index, name) in names.Index())
            current[name] = factors[index];
        foreach (var (index, parameter) in shared.Index())
        {
            var terms = gradients
                .Zip(factors, (gradient, factor) => gradient[index] is { } own ? own * factor : null)
                .Append(before[index])
                .OfType<Tensor>()
                .ToArray();
            parameter.grad = terms.Length == 0 ? null : terms.Aggregate((sum, term) => sum + term);
        }
    }

    private static double[,] Products(List<Tensor?[]> gradients, IReadOnlyList<Parameter> shared)
    {
        var count = gradients.Count;
        var tables = new List<Tensor>();
        foreach (var (index, parameter) in shared.Index())
        {
            using var scope = NewDisposeScope();
            if (gradients.All(gradient => gradient[index] is null))
                continue;
            var rows = stack(gradients.Select(gradient => gradient[index]?.reshape(-1) ?? zeros_like(parameter).reshape(-1)));
            rows = rows.to(rows.dtype.AtLeastSingle());
            tables.Add(rows.mm(rows.t()).MoveToOuterDisposeScope());
        }

        var products = new double[count, count];
        if (tables.Count == 0)
            return products;
        var sum = stack(tables).to(ScalarType.Float64).sum([0L]).Numbers<double>();
        Buffer.BlockCopy(sum, 0, products, 0, sum.Length * sizeof(double));
        return products;
    }
}
