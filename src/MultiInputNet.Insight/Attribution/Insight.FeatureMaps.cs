using static TorchSharp.torch;

namespace MultiInputNet.Insights;

public static partial class Insight
{
    /// <summary>What a layer of the base returns for samples of an input.</summary>
    /// <remarks>The model is as before; no other thread may use it in the meantime.</remarks>
    /// <param name="model">The model.</param>
    /// <param name="input">The input's name, or that of a task that reads one input.</param>
    /// <param name="samples">A batch, shaped as the input is declared after the batch dimension; it may be on another device.</param>
    /// <param name="layer">
    /// The name of a module of the base, such as <c>stages.0</c>, or of one of its stages; by default, what the base itself returns.
    /// </param>
    /// <param name="batchSize">The number of samples that the model runs at one time; by default as many as fit into memory.</param>
    /// <returns>
    /// The layer's results on the model's device: of most layers a map, <c>(batch, channels, height, width)</c>, or tokens,
    /// <c>(batch, tokens, channels)</c>.
    /// </returns>
    /// <exception cref="MultiInputException">A name, the batch or the layer does not fit.</exception>
    public static Tensor FeatureMaps(MultiInputModel model, string input, Tensor samples, string? layer = null, int? batchSize = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(samples);
        Pieces.Check(batchSize, nameof(batchSize));
        using var scope = new Undisturbed(model, gradients: false);
        var path = PathOf(model, input);
        var space = new InputSpace(path, TaskCall.TypeOf(model), scope);
        var batch = TaskCall.Take(model, path, samples);
        var layers = new BaseLayers(path, layer is null ? [] : [layer], scope);
        var size = batchSize ?? Pieces.DefaultSize(model, gradients: false);
        var parts = new List<Tensor>();
        for (var start = 0L; start < batch.shape[0]; start += size)
        {
            using var inner = NewDisposeScope();
            var piece = new Piece(start, Math.Min(size, batch.shape[0] - start), size);
            var (features, results) = layers.Watch(inner, () => space.FeaturesOf(model, piece.Of(batch)));
            var values = layer is null ? features.Values : results[0] ?? throw BaseLayers.NotRun(path, layer);

            // Modules of the user's may return what belongs to somebody else.
            parts.Add(values.detach().clone().MoveToOuterDisposeScope());
        }

        return (parts is [var only] ? only : cat(parts, 0)).MoveToOuterDisposeScope();
    }

    /// <summary>The path of an input, by its name or that of a task that reads it alone.</summary>
    private static InputPath PathOf(MultiInputModel model, string name) =>
        model.Paths.FirstOrDefault(path => path.Name == name)
        ?? TaskCall.PathOf(model, model.FindRoute(name).Inputs is [var only] ? only : throw new MultiInputException(
            $"task '{name}'", ModelComponent.Input, $"it reads {Shapes.Names(model.FindRoute(name).Inputs)}.", "Name one of these inputs."));
}
