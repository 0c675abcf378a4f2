using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <content>Base features.</content>
public static partial class Insight
{
    /// <summary>
    /// The base features of samples of every input that the sources have, pooled to one vector for each sample: what the tasks have in
    /// common to work with.
    /// </summary>
    /// <remarks>The model runs in evaluation mode and is afterwards as before.</remarks>
    /// <param name="model">The model.</param>
    /// <param name="sources">The samples, with or without labels.</param>
    /// <param name="samplesPerInput">
    /// Samples of each input, at least 2, shared among the sources that have it; all if there are fewer. Samples that cannot be read are
    /// left out.
    /// </param>
    /// <param name="seed">Determines which samples.</param>
    /// <param name="cancellationToken">Ends it between two batches.</param>
    /// <returns>The features of each input of each source, in the order of the sources. The caller disposes of them.</returns>
    /// <exception cref="MultiInputException">A source has an input that the model has not, or samples do not fit it.</exception>
    public static IReadOnlyList<InputFeatures> BaseFeatures(
        MultiInputModel model,
        IReadOnlyList<DataSource> sources,
        int samplesPerInput = 300,
        long seed = 0,
        CancellationToken cancellationToken = default)
    {
        SampledRows.Check(model, sources, samplesPerInput);
        var chosen = SampledRows.Choose(sources, samplesPerInput, seed);
        using var undisturbed = new Undisturbed(model, gradients: false);
        using var scope = NewDisposeScope();
        var found = new List<InputFeatures>();
        foreach (var (source, rows) in sources.Zip(chosen))
        {
            var read = new List<long>();
            var parts = source.InputNames.ToDictionary(input => input, _ => new List<Tensor>());
            foreach (var batch in SampledRows.Read(model, source, rows, cancellationToken))
            {
                read.AddRange(batch.Rows);
                var features = model.forward_features(batch.Inputs);
                foreach (var (input, list) in parts)
                    list.Add(SampledRows.Pool(new(features[input])).GiveTo(scope));
            }

            if (read.Count == 0)
                continue;
            foreach (var (input, list) in parts)
            {
                found.Add(new()
                {
                    Input = input,
                    Source = source.Name,
                    Values = cat([.. list], 0),
                    Rows = read,
                    Labels = source.Targets.Where(pair => model.FindRoute(pair.Key).Inputs.Contains(input)).ToDictionary(
                        pair => pair.Key, pair => pair.Value.index_select(0, tensor(read.ToArray(), device: pair.Value.device)).cpu()),
                });
            }
        }

        foreach (var tensor in found.SelectMany(features => features.Labels.Values.Prepend(features.Values)))
            tensor.DetachFromDisposeScope();
        return found;
    }
}
