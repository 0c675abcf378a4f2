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
        var rule = Quadrature.Of(options.Rule, options.Steps);
        return ByInput(Pieces.Run(model, task, inputs, options.BatchSize, gradients: true, (call, piece) =>
        {
            var (points, starts) = Ends(call, piece, baselines);
            var targets = TargetsAt(call, points, target);
            Tensor[] ways = [.. points.Zip(starts, (point, start) => point - start)];

            // A few samples go through the model at several steps at once.
            var together = (int)Math.Max(1, piece.Size / piece.Length);
            Tensor[] sums = [.. points.Select(point => zeros_like(point))];
            foreach (var nodes in rule.Chunk(together))
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
                        sum.add_(gradient.narrow(0, index * piece.Length, piece.Length), alpha: node.Weight);
                }
            }

            return [.. call.Spaces.Select((space, i) => space.PerElement(ways[i] * sums[i]))];
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
}
