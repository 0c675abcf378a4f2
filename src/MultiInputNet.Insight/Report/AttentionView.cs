using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>Where layers of attention look in samples: how much of it each position gets.</summary>
internal sealed class AttentionView
{
    /// <summary>Weights are a square of the positions for each head.</summary>
    private const long MostPositions = 2048;

    // For each sample, by input: where in the sample, or null for an input without positions; and the input's share of the fusion's attention.
    private readonly List<Dictionary<string, List<(string Layer, Tensor Map)>>> maps = [];
    private readonly List<string> shares = [];

    private AttentionView()
    {
    }

    /// <summary>What stands where there could have been something to see; empty otherwise.</summary>
    public string Missing { get; private init; } = "";

    /// <summary>Whether there is anything to see.</summary>
    public bool IsThere => maps.Count > 0;

    /// <summary>Looks at samples of a task.</summary>
    /// <param name="report">The report.</param>
    /// <param name="route">The task.</param>
    /// <param name="inputs">The samples of each of its inputs.</param>
    public static AttentionView Of(ReportContext report, Route route, IReadOnlyDictionary<string, Tensor> inputs)
    {
        InputPath[] paths = [.. route.Inputs.Select(input => TaskCall.PathOf(report.Model, input))];
        var isInBase = paths.Any(path => path.Base.modules().Prepend(path.Base).OfType<IAttention<Tensor>>().Any());
        var isInFusion = route.Fusion is IAttention<IReadOnlyList<FeatureSet>>;
        if (!isInBase && !isInFusion)
            return new();
        var positions = paths.Sum(path => path.Features.Positions);
        if (isInFusion && positions > MostPositions)
            return new() { Missing = string.Create(CultureInfo.InvariantCulture, $"Attention over {positions:N0} positions is not drawn, only up to {MostPositions:N0}; Insight.Attention returns it.") };
        var view = new AttentionView();
        for (var sample = 0L; sample < inputs[route.Inputs[0]].shape[0]; sample++)
            view.Add(report.Model, route, paths, inputs.ToDictionary(pair => pair.Key, pair => pair.Value.narrow(0, sample, 1)), isInFusion);
        return view;
    }

    /// <summary>Each layer's attention to a sample of an input: <c>(height, width)</c> of an image, <c>(steps)</c> of a sequence.</summary>
    public IReadOnlyList<(string Layer, Tensor Map)> At(int sample, string input) => maps.Count > 0 && maps[sample].TryGetValue(input, out var found) ? found : [];

    /// <summary>How the fusion's attention is divided among the inputs of a joint task; empty if it has one.</summary>
    public string SharesOf(int sample) => shares.Count > 0 ? shares[sample] : "";

    private void Add(MultiInputModel model, Route route, IReadOnlyList<InputPath> paths, Dictionary<string, Tensor> sample, bool isInFusion)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var found = Insight.Attention(model, route.Task, sample);
        var here = route.Inputs.ToDictionary(input => input, _ => new List<(string, Tensor)>());
        foreach (var path in paths)
        {
            // Of several layers the last: its rows are what the base returns, the class token's alone or those of the patches.
            if (found.SkipLast(isInFusion ? 1 : 0).LastOrDefault(map => map.Inputs is [var only] && only == path.Name) is not { } last)
                continue;
            var (returned, all) = (Math.Min(path.Features.Positions, last.Positions[0]), last.Positions[0]);
            Keep(path, "the base's last layer", last.Weights.narrow(2, returned == 1 ? 0 : all - returned, returned).mean([1, 2]));
        }

        if (isInFusion)
        {
            // The fusion is the mean over all positions, so that this is what each of them counts for.
            var (received, start, parts) = (found[^1].Weights.mean([1, 2]), 0L, new List<string>());
            foreach (var (path, count) in paths.Zip(found[^1].Positions))
            {
                var part = received.narrow(1, start, count);
                Keep(path, "the fusion", part);
                parts.Add(string.Create(CultureInfo.InvariantCulture, $"{Html.Shorten(path.Name, 30)} {100 * part.sum().ToDouble():0} %"));
                start += count;
            }

            shares.Add(parts.Count > 1 ? string.Join(", ", parts) : "");
        }

        maps.Add(here);

        void Keep(InputPath path, string layer, Tensor received)
        {
            var grid = path.Features is MapShape shape && shape.Positions == received.shape[1] ? received.view(1, shape.Height, shape.Width)
                : Grid.Maps(received.unsqueeze(2), path)![0];
            if (Grid.Resize(grid, model, path) is { } map)
                here[path.Name].Add((layer, map[0].to(ScalarType.Float64).cpu().nan_to_num(0, 0, 0).MoveToOuterDisposeScope()));
        }
    }
}
