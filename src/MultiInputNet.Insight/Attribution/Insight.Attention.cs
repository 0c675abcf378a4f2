using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>
    /// How the positions of samples attend to each other (Vaswani et al., 2017) in every layer of attention that a task goes through: those
    /// of a vision transformer, and an attention fusion.
    /// </summary>
    /// <remarks>
    /// The layers are this library's; attention inside modules of your own, TorchScript and imported graphs cannot be seen. Positions that a
    /// fusion was told are absent get no weight; their own rows mean nothing. The model is as before; no other thread may use it in the
    /// meantime.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="task">A task that reads one input; or the name of an input that only one task reads, on its own.</param>
    /// <param name="input">A batch, shaped as the input is declared after the batch dimension; it may be on another device.</param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>The layers in the order in which samples pass them.</returns>
    /// <exception cref="MultiInputException">A name or the batch does not fit, or the task goes through no attention.</exception>
    public static IReadOnlyList<AttentionMap> Attention(MultiInputModel model, string task, Tensor input, int? batchSize = null) =>
        Attention(model, task, One(model, task, input), batchSize);

    /// <summary>How the positions of samples of several inputs attend to each other, as for one input.</summary>
    /// <param name="model">The model.</param>
    /// <param name="task">A task; or the name of an input that only one task reads, on its own.</param>
    /// <param name="inputs">A batch for each input of the task by its name, all of one size. Other inputs are left out.</param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>The layers in the order in which samples pass them: those of the base for each input, and that of the fusion.</returns>
    /// <exception cref="MultiInputException">A name or a batch does not fit, an input is missing, or the task goes through no attention.</exception>
    public static IReadOnlyList<AttentionMap> Attention(
        MultiInputModel model, string task, IReadOnlyDictionary<string, Tensor> inputs, int? batchSize = null)
    {
        Check(model, task, inputs);
        var names = model.named_modules().DistinctBy(pair => pair.module).ToDictionary(pair => pair.module, pair => pair.name);
        var places = new List<(string Layer, IReadOnlyList<string> Inputs, IReadOnlyList<long> Positions)>();
        Watcher? watcher = null;
        var (_, weights) = Pieces.Run(model, task, inputs, Pieces.Check(batchSize, nameof(batchSize)), gradients: false, (call, piece) =>
        {
            watcher ??= new(call);
            var kept = new List<(nn.Module Layer, IReadOnlyList<string> Inputs, IReadOnlyList<long> Positions, Tensor Weights)>();
            using var owner = NewDisposeScope();
            var features = new List<FeatureSet>();
            foreach (var (space, batch) in call.Spaces.Zip(call.Batches))
            {
                watcher.Keep = (layer, attend) => kept.Add((layer, [space.Path.Name], [attend.shape[^1]], attend.GiveTo(owner)));
                features.Add(space.FeaturesOf(model, piece.Of(batch)));
            }

            watcher.Keep = (layer, attend) => kept.Add(
                (layer, call.Route.Inputs, [.. features.Select(its => its.Shape.Positions)], attend.GiveTo(owner)));
            call.Finish(features);
            watcher.Keep = null;
            places.Clear();
            places.AddRange(kept.Select(its => (names.GetValueOrDefault(its.Layer, its.Layer.GetName()), its.Inputs, its.Positions)));
            return [.. kept.Select(its => its.Weights.MoveToOuterDisposeScope())];
        });
        return weights.Count > 0
            ? [.. places.Zip(weights, (place, values) => new AttentionMap(place.Layer, place.Inputs, place.Positions, values!))]
            : throw new MultiInputException(
                $"task '{task}'", ModelComponent.Fusion, "it goes through no attention.", "Give it Fusions.Attention, or the model a vision transformer as a base.");
    }

    /// <summary>Asks layers of attention for their weights whenever they run.</summary>
    private sealed class Watcher
    {
        private readonly int thread = Environment.CurrentManagedThreadId;

        public Watcher(TaskCall call)
        {
            foreach (var module in call.Spaces.SelectMany(space => space.Path.Base.modules().Prepend(space.Path.Base)).Append(call.Route.Fusion).Distinct())
            {
                Watch<Tensor>(module, call);
                Watch<IReadOnlyList<FeatureSet>>(module, call);
            }
        }

        /// <summary>Takes the weights of a layer; null if none are wanted.</summary>
        public Action<nn.Module, Tensor>? Keep { get; set; }

        private void Watch<TInput>(nn.Module module, TaskCall call)
        {
            if (module is nn.Module<TInput, Tensor> layer and IAttention<TInput> attention)
            {
                call.Scope.AtItsEnd(layer.register_forward_pre_hook((_, input) =>
                {
                    if (Environment.CurrentManagedThreadId == thread)
                        Keep?.Invoke(layer, attention.Attend(input));
                    return input;
                }).remove);
            }
        }
    }
}
