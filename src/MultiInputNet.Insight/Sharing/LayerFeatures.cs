using static TorchSharp.torch;

namespace MultiInputNet.Insights;

/// <summary>What an input becomes layer by layer: after its projection, and after each stage of its base.</summary>
internal static class LayerFeatures
{
    public const string Projection = "projection";

    /// <summary>The names of the layers.</summary>
    public static IReadOnlyList<string> Names(InputPath path) => [Projection, .. path.Base.Stages.Select(stage => stage.Name)];

    /// <summary>The pooled features after each layer, <c>(batch, channels)</c>, as the model computes them in evaluation mode.</summary>
    public static IReadOnlyList<Tensor> Of(InputPath path, Tensor batch, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var input = new RunInput(path, batch);
        input.Project(type);

        // A projection that is folded into the base's first convolution computes no map of its own.
        var projected = input.Map ?? (path.Stem is null ? path.Projection.call(path.Standardize(batch, type)) : input.First!);
        var pooled = new List<Tensor> { SampledRows.Pool(new(projected)) };
        using var run = new BaseRun(path.Name, path.Own?.ByLayer);
        if (input.Map is null)
            run.EntersAfter = path.Base.FirstConvolution;
        else if (input.First is { } first)
            run.StandIn(input.Map, first);
        var features = new FeatureSet(input.Map ?? input.First!);
        foreach (var stage in path.Base.Stages)
            pooled.Add(SampledRows.Pool(features = stage.Run(features)));
        return [.. pooled.Select(values => values.MoveToOuterDisposeScope())];
    }
}
