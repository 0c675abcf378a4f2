using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// What each element of an input contributes to an output of a task, compared with a baseline: integrated gradients (Sundararajan et
    /// al., 2017). Over a sample they sum to the difference between the outputs for the sample and for the baseline.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The output is that of the head before softmax or sigmoid, a logit; for a regression, the value in its own unit. Attributions are in
    /// its unit.
    /// </para>
    /// <para>
    /// By default the baseline is the input's mean where it is standardised; otherwise, for the columns of a table, their fill value, and
    /// zeros, as in Captum, for all else. The baseline of tokens is an embedding of zeros, and that of categories the unknown one. Tokens
    /// and categories are attributed to at their embedding, over whose width attributions are summed; what the model is told about a
    /// number of a table that is missing belongs to the number's column. So the sum is complete for all kinds of input.
    /// </para>
    /// <para>The model is as before. No other thread may use it in the meantime.</para>
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="task">A task that reads one input; or the name of an input that only one task reads, on its own.</param>
    /// <param name="input">A batch, shaped as the input is declared after the batch dimension; it may be on another device.</param>
    /// <param name="target">
    /// The number of the class, label or value; by default the predicted class of each sample, its most probable label, or the only value.
    /// </param>
    /// <param name="baseline">One sample, or one for each sample of the batch, with or without a batch dimension of 1.</param>
    /// <param name="options">Steps, rule and batch size.</param>
    /// <returns>A tensor of the input's shape, on the model's device.</returns>
    /// <exception cref="MultiInputException">A name, the batch or the baseline does not fit.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static Tensor IntegratedGradients(
        MultiInputModel model, string task, Tensor input, long? target = null, Tensor? baseline = null, IntegratedGradientsOptions? options = null) =>
        IntegratedGradients(model, task, One(model, task, input), target, OneOrNone(model, task, baseline), options).Values.Single();

    /// <summary>
    /// What each element of the inputs of a task contributes to its output, as for one input: the sum is over all inputs together.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="task">A task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="inputs">A batch for each input of the task by its name, all of one size. Other inputs are left out.</param>
    /// <param name="target">As for one input.</param>
    /// <param name="baselines">Baselines by input, as for one input; the default for inputs without one.</param>
    /// <param name="options">Steps, rule and batch size.</param>
    /// <returns>For each input of the task, a tensor of the input's shape, on the model's device.</returns>
    /// <exception cref="MultiInputException">A name, a batch or a baseline does not fit, or an input is missing.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static IReadOnlyDictionary<string, Tensor> IntegratedGradients(
        MultiInputModel model,
        string task,
        IReadOnlyDictionary<string, Tensor> inputs,
        long? target = null,
        IReadOnlyDictionary<string, Tensor>? baselines = null,
        IntegratedGradientsOptions? options = null)
    {
        Check(model, task, inputs);
        options ??= new();
        return ByInput(Pieces.Run(model, task, inputs, options.BatchSize, gradients: true, (call, piece) =>
        {
            var (points, starts) = Ends(call, piece, baselines);
            var (targets, differences, resolution) = Differences(call, points, starts, target);
            Tensor[] results = [.. Integrate(call, piece.Size, points, starts, targets, Quadrature.Of(options.Rule, options.Steps))];
            for (var steps = 4L * options.Steps; steps <= options.MostSteps; steps *= 4)
            {
                using var scope = NewDisposeScope();
                if (FindIncomplete(results, differences, resolution, options.Tolerance) is not { } rows)
                    break;
                Tensor[] Some(IReadOnlyList<Tensor> all) => [.. all.Select(each => each.index_select(0, rows))];
                var finer = Integrate(call, piece.Size, Some(points), Some(starts), targets.index_select(0, rows), Quadrature.Of(options.Rule, (int)steps));
                foreach (var (result, values) in results.Zip(finer))
                    result.index_copy_(0, rows, values);
            }

            return [.. results.Select((result, i) => call.Spaces[i].PerElement(result))];
        }));
    }

    /// <summary>
    /// By how much attributions miss the sum that they should have: their sum over a sample minus the difference between the outputs for
    /// the sample and for the baseline, Captum's convergence delta.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="task">The task of the attributions.</param>
    /// <param name="input">Their batch.</param>
    /// <param name="attribution">The attributions, of the input's shape, such as those of integrated gradients.</param>
    /// <param name="target">Their target.</param>
    /// <param name="baseline">Their baseline.</param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>A number per sample, <c>(batch)</c>, in the unit of the output, on the model's device.</returns>
    /// <exception cref="MultiInputException">A name, the batch, the baseline or the attributions do not fit.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static Tensor ConvergenceDelta(
        MultiInputModel model, string task, Tensor input, Tensor attribution, long? target = null, Tensor? baseline = null, int? batchSize = null) =>
        ConvergenceDelta(model, task, One(model, task, input), One(model, task, attribution), target, OneOrNone(model, task, baseline), batchSize);

    /// <summary>By how much attributions to several inputs miss the sum that they should have, as for one input.</summary>
    /// <param name="model">The model.</param>
    /// <param name="task">The task of the attributions.</param>
    /// <param name="inputs">Their batches.</param>
    /// <param name="attributions">The attributions to each input of the task.</param>
    /// <param name="target">Their target.</param>
    /// <param name="baselines">Their baselines.</param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>A number per sample, <c>(batch)</c>, in the unit of the output, on the model's device.</returns>
    /// <exception cref="MultiInputException">A name, a batch, a baseline or the attributions do not fit.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static Tensor ConvergenceDelta(
        MultiInputModel model,
        string task,
        IReadOnlyDictionary<string, Tensor> inputs,
        IReadOnlyDictionary<string, Tensor> attributions,
        long? target = null,
        IReadOnlyDictionary<string, Tensor>? baselines = null,
        int? batchSize = null)
    {
        Check(model, task, inputs);
        ArgumentNullException.ThrowIfNull(attributions);
        return Pieces.Run(model, task, inputs, Pieces.Check(batchSize, nameof(batchSize)), gradients: false, (call, piece) =>
        {
            var (points, starts) = Ends(call, piece, baselines);
            var targets = TargetsAt(call, points, target);
            var difference = call.Run(points).gather(1, targets) - call.Run(starts).gather(1, targets);
            var total = call.Spaces.Select((space, i) => SumOf(space.Path.Name, call.Batches[i])).Aggregate((sum, next) => sum + next);
            return [total - difference.squeeze(1).to(total.dtype)];

            Tensor SumOf(string name, Tensor batch)
            {
                var given = attributions.GetValueOrDefault(name);
                if (given is null || given.IsInvalid || !given.shape.SequenceEqual(batch.shape))
                {
                    throw new MultiInputException(
                        $"attribution to '{name}'",
                        ModelComponent.Input,
                        given is null ? "there is none." : given.IsInvalid ? "it was disposed of." : $"its shape is {Shapes.Text(given.shape)}.",
                        $"Give a tensor of shape {Shapes.Text(batch.shape)}.");
                }

                return piece.Of(given).to(model.Device).flatten(start_dim: 1).sum(1, type: given.dtype.AtLeastSingle());
            }
        }).Results[0]!;
    }

    /// <summary>The points of samples, and those of their baselines, one for each sample.</summary>
    private static (IReadOnlyList<Tensor> Points, IReadOnlyList<Tensor> Starts) Ends(TaskCall call, Piece piece, IReadOnlyDictionary<string, Tensor>? baselines)
    {
        Tensor[] points = [.. call.Spaces.Zip(call.Batches, (space, batch) => space.Lift(piece.Of(batch)))];
        return (points, [.. call.Baselines(points, baselines, piece).Zip(points, (start, point) => start.expand(point.shape))]);
    }

    private static Tensor TargetsAt(TaskCall call, IReadOnlyList<Tensor> points, long? target)
    {
        using var noGrad = no_grad();
        return call.Targets(call.Run(points), target);
    }

    /// <summary>
    /// The targets; the difference of outputs between points and starts, <c>(batch)</c>; and how much of it may be rounding.
    /// </summary>
    private static (Tensor Targets, Tensor Differences, Tensor Resolution) Differences(
        TaskCall call, IReadOnlyList<Tensor> points, IReadOnlyList<Tensor> starts, long? target)
    {
        using var noGrad = no_grad();
        var output = call.Run(points);
        var targets = call.Targets(output, target);
        var (to, from) = (output.gather(1, targets).squeeze(1), call.Run(starts).gather(1, targets).squeeze(1));
        return (targets, to - from, (to.abs() + from.abs()) * (64 * finfo(to.dtype).eps));
    }

    /// <summary>The attributions at points, by a sum over nodes.</summary>
    private static Tensor[] Integrate(
        TaskCall call, int size, IReadOnlyList<Tensor> points, IReadOnlyList<Tensor> starts, Tensor targets, IReadOnlyList<(double Node, double Weight)> rule)
    {
        var count = points[0].shape[0];
        Tensor[] ways = [.. points.Zip(starts, (point, start) => point - start)];
        Tensor[] sums = [.. points.Select(point => zeros_like(point))];

        // A few samples go through the model at several steps at once.
        foreach (var nodes in rule.Chunk((int)Math.Max(1, size / count)))
        {
            using var scope = NewDisposeScope();
            Tensor[] at =
            [
                .. starts.Zip(ways, (start, way) => cat([.. nodes.Select(node => start + way * node.Node)], 0).detach().clone().requires_grad_()),
            ];
            var gradients = call.Gradients(call.Run(at), targets.repeat(nodes.Length, 1), at);
            foreach (var (sum, gradient) in sums.Zip(gradients))
            {
                foreach (var (index, node) in nodes.Index())
                    sum.add_(gradient.narrow(0, index * count, count), alpha: node.Weight);
            }
        }

        return [.. ways.Zip(sums, (way, sum) => way * sum)];
    }

    /// <summary>The samples whose attributions miss the difference of outputs; null if there are none.</summary>
    private static Tensor? FindIncomplete(IReadOnlyList<Tensor> results, Tensor differences, Tensor resolution, double? tolerance)
    {
        if (tolerance is not { } share)
            return null;
        var type = differences.dtype;
        var sum = results.Select(result => result.flatten(start_dim: 1).sum(1, type: type)).Aggregate((sum, next) => sum + next);
        var missing = (sum - differences).abs();
        var rows = missing.gt(differences.abs() * share).logical_and(missing.gt(resolution)).nonzero().flatten();
        return rows.numel() > 0 ? rows : null;
    }
}
