using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// By how much an output of a task falls when a part of its input is hidden: occlusion (Zeiler and Fergus, 2014), as Captum's
    /// <c>Occlusion</c>. It needs no gradient.
    /// </summary>
    /// <remarks>
    /// A window moves over the input and replaces it by the baseline. An element's attribution is the mean, over the windows that hide it,
    /// of the output for the sample minus that for the sample with the window, both before softmax or sigmoid. Baselines are as for
    /// <see cref="IntegratedGradients(MultiInputModel, string, Tensor, long?, Tensor?, IntegratedGradientsOptions?)"/>. The model is as before;
    /// no other thread may use it in the meantime.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="task">A task that reads one input; or the name of an input that only one task reads, on its own.</param>
    /// <param name="input">A batch, shaped as the input is declared after the batch dimension; it may be on another device.</param>
    /// <param name="target">
    /// The number of the class, label or value; by default the predicted class of each sample, its most probable label, or the only value.
    /// </param>
    /// <param name="baseline">One sample, or one for each sample of the batch, with or without a batch dimension of 1.</param>
    /// <param name="window">
    /// What is hidden at one time; by default all channels of an image over an eighth of its height and width, all features over a
    /// sixteenth of the steps of a sequence, one token, or one column.
    /// </param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>A tensor of the input's shape, on the model's device.</returns>
    /// <exception cref="MultiInputException">A name, the batch, the baseline or the window does not fit.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static Tensor Occlusion(
        MultiInputModel model, string task, Tensor input, long? target = null, Tensor? baseline = null, OcclusionWindow? window = null, int? batchSize = null)
    {
        var inputs = One(model, task, input);
        var windows = window is null ? null : inputs.Keys.ToDictionary(name => name, _ => window);
        return Occlusion(model, task, inputs, target, OneOrNone(model, task, baseline), windows, batchSize).Values.Single();
    }

    /// <summary>
    /// By how much an output of a task falls when a part of one of its inputs is hidden, as for one input; windows move over one input
    /// after the other.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="task">A task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="inputs">A batch for each input of the task by its name, all of one size. Other inputs are left out.</param>
    /// <param name="target">As for one input.</param>
    /// <param name="baselines">Baselines by input; the default for inputs without one.</param>
    /// <param name="windows">Windows by input; the default for inputs without one.</param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>For each input of the task, a tensor of the input's shape, on the model's device.</returns>
    /// <exception cref="MultiInputException">A name, a batch, a baseline or a window does not fit, or an input is missing.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static IReadOnlyDictionary<string, Tensor> Occlusion(
        MultiInputModel model,
        string task,
        IReadOnlyDictionary<string, Tensor> inputs,
        long? target = null,
        IReadOnlyDictionary<string, Tensor>? baselines = null,
        IReadOnlyDictionary<string, OcclusionWindow>? windows = null,
        int? batchSize = null)
    {
        Check(model, task, inputs);
        return ByInput(Pieces.Run(model, task, inputs, Pieces.Check(batchSize, nameof(batchSize)), gradients: false, (call, piece) =>
        {
            if (windows?.Keys.FirstOrDefault(name => !call.Route.Inputs.Contains(name)) is { } unknown)
            {
                throw new MultiInputException(
                    $"window of '{unknown}'", ModelComponent.Input, $"task '{call.Route.Task}' does not read it.", $"Give windows of {Shapes.Names(call.Route.Inputs)}.");
            }

            var (points, starts) = Ends(call, piece, baselines);
            FeatureSet[] features = [.. call.Spaces.Zip(points, (space, point) => space.Features(model, point))];
            var output = call.Finish(features);
            var targets = call.Targets(output, target);
            var whole = output.gather(1, targets);
            return [.. Enumerable.Range(0, points.Count).Select(hidden =>
            {
                using var scope = NewDisposeScope();
                var (space, point, start) = (call.Spaces[hidden], points[hidden], starts[hidden]);
                var shape = space.Path.Spec.Shape;
                var window = (windows?.GetValueOrDefault(space.Path.Name) ?? OcclusionWindow.For(shape)).Check(space.Path.Name, shape);
                var sums = zeros([piece.Length, .. shape], whole.dtype, whole.device);
                var counts = zeros([1, .. shape], whole.dtype, whole.device);

                // A few samples go through the model with several windows at once.
                foreach (var places in window.Places(shape).Chunk((int)Math.Max(1, piece.Size / piece.Length)))
                {
                    using var inner = NewDisposeScope();
                    var masks = places.Select(place =>
                    {
                        var mask = zeros([.. shape], TorchSharp.torch.ScalarType.Bool, point.device);
                        Part(mask, place, 0).fill_(true);
                        return space.AtPlaces(mask, point);
                    });
                    var covered = cat([.. masks.Select(mask => start.where(mask, point))], 0);
                    FeatureSet[] all =
                    [
                        .. features.Select((others, i) => i == hidden ? space.Features(model, covered) : Repeat(others, places.Length)),
                    ];
                    var falls = whole.repeat(places.Length, 1) - call.Finish(all).gather(1, targets.repeat(places.Length, 1));
                    foreach (var (index, place) in places.Index())
                    {
                        Part(sums, place, 1).add_(falls.narrow(0, index * piece.Length, piece.Length).view([-1, .. shape.Select(_ => 1L)]));
                        Part(counts, place, 1).add_(1);
                    }
                }

                return (sums / counts).MoveToOuterDisposeScope();
            })];
        }));

        static Tensor Part(Tensor of, (long Start, long Length)[] place, int from) =>
            place.Index().Aggregate(of, (part, along) => part.narrow(along.Index + from, along.Item.Start, along.Item.Length));

        static FeatureSet Repeat(FeatureSet features, int times) => times == 1 ? features : new(
            Times(features.Values, times)!, Times(features.PositionMask, times), Times(features.SampleMask, times), features.Grid);

        static Tensor? Times(Tensor? tensor, int times) => tensor is null ? null : cat([.. Enumerable.Repeat(tensor, times)], 0);
    }
}
