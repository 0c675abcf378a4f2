using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <content>Similarity of layers.</content>
public static partial class Insight
{
    /// <summary>
    /// Compares what the layers of a model make of its inputs: layer with layer for each input, and input with input for each layer.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Layers are the projection of an input and each stage of its base. Their features are pooled: the mean over all positions, as a
    /// global average would pass them on.
    /// </para>
    /// <para>
    /// CKA compares two representations of the same samples. Two layers of one input have that; two inputs have it only where a source
    /// holds both, row by row, such as the two sensors of a joint task. Between inputs of unrelated data there are no pairs, and CKA would
    /// depend on the arbitrary order of the samples. What can be compared there is how the features spread: both go through the same
    /// layer, so that feature i is the same feature, and the covariances of the two say whether the inputs use the same directions of it.
    /// That is <see cref="InputPair.Covariance"/>, given for every pair. Inputs of different bases have no layer in common and are not
    /// compared.
    /// </para>
    /// <para>The model runs in evaluation mode and is afterwards as before.</para>
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="sources">The samples, with or without labels.</param>
    /// <param name="samplesPerInput">As for <see cref="BaseFeatures"/>. Take more than a layer has channels.</param>
    /// <param name="seed">Determines which samples.</param>
    /// <param name="cancellationToken">Ends it between two batches.</param>
    /// <returns>The similarities.</returns>
    /// <exception cref="MultiInputException">
    /// A source has an input that the model has not, samples do not fit it, or an input has fewer than two that can be read.
    /// </exception>
    public static LayerSimilarities LayerSimilarity(
        MultiInputModel model,
        IReadOnlyList<DataSource> sources,
        int samplesPerInput = 300,
        long seed = 0,
        CancellationToken cancellationToken = default)
    {
        SampledRows.Check(model, sources, samplesPerInput);
        var chosen = SampledRows.Choose(sources, samplesPerInput, seed);
        using var undisturbed = new Undisturbed(model, gradients: false);
        var type = TaskCall.TypeOf(model);
        var paths = model.Paths.Where(path => sources.Any(source => source.InputNames.Contains(path.Name))).ToArray();

        using var scope = NewDisposeScope();

        // The features of each source's inputs by layer; the samples of one source are in the same order for all its inputs.
        var features = new Dictionary<(int Source, string Input), IReadOnlyList<Tensor>>();
        foreach (var (index, (source, rows)) in sources.Zip(chosen).Index())
        {
            var parts = source.InputNames.ToDictionary(input => input, _ => new List<IReadOnlyList<Tensor>>());
            foreach (var batch in SampledRows.Read(model, source, rows, cancellationToken))
            {
                foreach (var (input, list) in parts)
                    list.Add([.. LayerFeatures.Of(paths.First(path => path.Name == input), batch.Inputs[input], type).Select(layer => layer.GiveTo(scope))]);
            }

            foreach (var (input, list) in parts.Where(pair => pair.Value.Count > 0))
                features.Add((index, input), Joined(list));
        }

        IReadOnlyList<Tensor> Of(string input, IEnumerable<int> among) =>
            Joined([.. among.Where(i => features.ContainsKey((i, input))).Select(i => features[(i, input)])]);
        int[] every = [.. Enumerable.Range(0, sources.Count)];
        var whole = paths.ToDictionary(path => path.Name, path => Of(path.Name, every));
        foreach (var (input, layers) in whole)
        {
            if (layers.Count == 0 || layers[0].shape[0] < 2)
            {
                throw new MultiInputException(
                    $"input '{input}'", ModelComponent.Input, "fewer than two of its samples can be read, so that there is nothing to compare.", "Give more samples.");
            }
        }

        return new()
        {
            Inputs = [.. paths.Select(path => Within(path, whole[path.Name], cancellationToken))],
            Pairs =
            [
                .. paths.Index().SelectMany(first => paths.Skip(first.Index + 1), (first, second) => (First: first.Item, Second: second))
                    .Where(pair => ReferenceEquals(pair.First.Base, pair.Second.Base))
                    .Select(pair => Between(pair.First, pair.Second)),
            ],
        };

        InputPair Between(InputPath first, InputPath second)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var pairScope = NewDisposeScope();
            var both = every.Where(i => features.ContainsKey((i, first.Name)) && features.ContainsKey((i, second.Name))).ToArray();
            var (x, y) = (Of(first.Name, both), Of(second.Name, both));
            var paired = x.Count == 0 ? 0 : x[0].shape[0];
            return new()
            {
                First = first.Name,
                Second = second.Name,
                Layers = LayerFeatures.Names(first),
                PairedSamples = paired,
                Cka = paired < 2 ? null : [.. x.Zip(y, LinearCka)],
                Covariance = [.. whole[first.Name].Zip(whole[second.Name], (a, b) => a.shape[1] == b.shape[1] ? CovarianceSimilarity(a, b) : double.NaN)],
            };
        }
    }

    private static InputLayers Within(InputPath path, IReadOnlyList<Tensor> layers, CancellationToken cancellationToken)
    {
        var cka = layers.Select(_ => new double[layers.Count]).ToArray();
        for (var i = 0; i < layers.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var j = 0; j <= i; j++)
                cka[i][j] = cka[j][i] = LinearCka(layers[i], layers[j]);
        }

        return new() { Input = path.Name, Layers = LayerFeatures.Names(path), Cka = cka, Samples = layers[0].shape[0] };
    }

    /// <summary>The layers of several batches as one.</summary>
    private static IReadOnlyList<Tensor> Joined(List<IReadOnlyList<Tensor>> parts) =>
        parts.Count == 0 ? [] : [.. parts[0].Select((_, layer) => cat([.. parts.Select(part => part[layer])], 0))];
}
