using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// Where a base finds what speaks for an output of a task: Grad-CAM (Selvaraju et al., 2017), the channels of a layer's map, each
    /// weighted by the mean of its gradient, summed, without negative values.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Values are relative: larger ones speak more for the output, which is that of the head before softmax or sigmoid. Maps are resized
    /// bilinearly to the height and width of an image. For sequences and tokens they are read row by row, as projections lay steps out,
    /// and stretched to their length. A table has no positions: it is refused on its own and left out among several inputs, unless
    /// <see cref="GradCamOptions.Resize"/> is off.
    /// </para>
    /// <para>
    /// Each channel has one weight for all its positions, which is exact where the fusion averages over positions. After a fusion that
    /// keeps them apart (<see cref="Fusions.Flatten"/>), what speaks for the output in one place may speak against it in another: of the
    /// tests' bright corners, one of four, the positive part of the map finds 25 %, as chance would, and the map with its sign
    /// (<see cref="GradCamOptions.PositiveOnly"/> off) at least 95 % by its size.
    /// <see cref="IntegratedGradients(MultiInputModel, string, Tensor, long?, Tensor?, IntegratedGradientsOptions?)"/> and
    /// <see cref="Occlusion(MultiInputModel, string, Tensor, long?, Tensor?, OcclusionWindow?, int?)"/> do not depend on the fusion.
    /// </para>
    /// <para>Of tokens of a vision transformer, those of the patches count. The model is as before; no other thread may use it in the meantime.</para>
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="task">A task that reads one input; or the name of an input that only one task reads, on its own.</param>
    /// <param name="input">A batch, shaped as the input is declared after the batch dimension; it may be on another device.</param>
    /// <param name="target">
    /// The number of the class, label or value; by default the predicted class of each sample, its most probable label, or the only value.
    /// </param>
    /// <param name="options">Layer, size, sign and batch size.</param>
    /// <returns>
    /// On the model's device, <c>(batch, height, width)</c> for an image and <c>(batch, length)</c> for a sequence or tokens; without
    /// resizing, <c>(batch, height, width)</c> of the layer's map.
    /// </returns>
    /// <exception cref="MultiInputException">A name, the batch or the layer does not fit, or the input has no positions.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static Tensor GradCam(MultiInputModel model, string task, Tensor input, long? target = null, GradCamOptions? options = null) =>
        GradCam(model, task, One(model, task, input), target, options).Values.Single();

    /// <summary>Where bases find what speaks for an output of a task, in each of its inputs that has positions, as for one input.</summary>
    /// <param name="model">The model.</param>
    /// <param name="task">A task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="inputs">A batch for each input of the task by its name, all of one size. Other inputs are left out.</param>
    /// <param name="target">As for one input.</param>
    /// <param name="options">Layer, size, sign and batch size.</param>
    /// <returns>For each input of the task that has positions, a tensor as for one input.</returns>
    /// <exception cref="MultiInputException">A name, a batch or the layer does not fit, an input is missing, or none has positions.</exception>
    /// <exception cref="ArgumentException">There is no such target, or several values and none was named.</exception>
    public static IReadOnlyDictionary<string, Tensor> GradCam(
        MultiInputModel model, string task, IReadOnlyDictionary<string, Tensor> inputs, long? target = null, GradCamOptions? options = null)
    {
        Check(model, task, inputs);
        options ??= new();
        BaseLayers[]? layers = null;
        int[]? chosen = null;
        var maps = ByInput(Pieces.Run(model, task, inputs, options.BatchSize, gradients: true, (call, piece) =>
        {
            layers ??= [.. call.Spaces.Select(space => new BaseLayers(
                space.Path, options.Layer is { } layer ? [layer] : BaseLayers.Stages(space.Path), call.Scope))];
            using var owner = NewDisposeScope();
            var runs = call.Spaces.Select((space, i) =>
            {
                var sample = piece.Of(call.Batches[i]);
                using (no_grad())
                    sample = space.Lift(sample);
                var (features, results) = layers[i].Watch(owner, () => space.Features(model, sample.requires_grad_()));
                return (Features: features, Results: options.Layer is null ? [features.Values, .. results] : results);
            }).ToArray();
            var output = call.Finish([.. runs.Select(run => run.Features)]);
            if (options.Layer is not null && runs.Index().FirstOrDefault(run => run.Item.Results is [null]) is { Item.Results: not null } missing)
                throw BaseLayers.NotRun(call.Spaces[missing.Index].Path, options.Layer);
            Tensor[] at = [.. runs.SelectMany(run => run.Results).OfType<Tensor>()];
            var gradients = new Queue<Tensor>(call.Gradients(output, call.Targets(output, target), at));
            var found = runs.Select((run, i) => run.Results.Select(values => values is null ? null : Weighted(values, gradients.Dequeue(), call.Spaces[i].Path)).ToArray()).ToArray();

            // The first sample decides for all, however they are cut.
            chosen ??= [.. found.Select(Choose)];
            return [.. found.Select((its, i) =>
            {
                var map = its[chosen[i]] ?? throw new MultiInputException(
                    $"layer '{options.Layer}'", ModelComponent.Base, "its result is neither a map nor tokens.", "Name another layer.");
                if (options.PositiveOnly)
                    map = map.relu();
                return (options.Resize ? Grid.Resize(map, model, call.Spaces[i].Path) : map)?.MoveToOuterDisposeScope();
            })];
        }));
        return maps.Count > 0 ? maps : throw new MultiInputException(
            $"task '{task}'", ModelComponent.Input, "its inputs have no positions.", $"Use {nameof(IntegratedGradients)}, or ask for the map of the layer itself: Resize = false.");

        static int Choose(Tensor?[] maps)
        {
            var several = maps.Index().Where(map => map.Item is not null && map.Item.shape[1] * map.Item.shape[2] > 1).ToArray();
            return several.FirstOrDefault(map => map.Item![0].count_nonzero().ToInt64() > 0, several.FirstOrDefault()).Index;
        }
    }

    /// <summary>The channels of a map, each weighted by the mean of its gradient, summed: <c>(batch, height, width)</c>.</summary>
    private static Tensor? Weighted(Tensor values, Tensor gradient, InputPath path)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Grid.Maps(values, path) is { } map
            ? (Grid.Maps(gradient, path)!.mean([2, 3], keepdim: true) * map).sum(1).MoveToOuterDisposeScope()
            : null;
    }
}
