using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The built way of one input to the features that its base gives.</summary>
internal sealed record InputPath(
    string Name,
    InputSpec Spec,
    Standardization? Standardization,
    nn.Module<Tensor, Tensor> Projection,
    SharedBase Base,
    FoldedProjection? Folded,
    InputParts? Own,
    SampleMixing Mixing,
    MapShape Joining, // where its map can join others: behind the base's first convolution, or at its beginning where there is none
    MapShape Projected,
    FeatureShape Features,
    long Macs,
    long LargestResult)
{
    /// <summary>The projection, and what it shares with the projections of other inputs.</summary>
    public IEnumerable<nn.Module> ProjectionModules => [Projection, .. (Projection as Stem)?.Slices ?? []];

    /// <summary>Whether batches may be of another floating type than the weights: they are standardised, or looked up, before they are converted.</summary>
    public bool TakesAnyFloat => Standardization is not null || Spec.TakesAnyFloat;

    /// <summary>Whether samples of a batch act on each other in the base now.</summary>
    public bool MixesSamples => Mixing switch
    {
        SampleMixing.Never => false,
        SampleMixing.InTraining => Base.training || Base.modules().Any(module => module.training),
        _ => true,
    };

    /// <summary>The map for the base: projected or, where that is faster, what the base's first convolution gives behind the projection.</summary>
    /// <param name="input">A batch, of a floating type that may be wider than that of the weights.</param>
    /// <param name="type">The type of the weights: what is standardised becomes of it afterwards.</param>
    public ProjectedMap Project(Tensor input, ScalarType type)
    {
        var x = Standardization is null ? input : Standardization.call(input);
        if (x.is_floating_point() && Projection is not IConvertsInput)
            x = x.to(type);
        if (Folded is not { Applies: true })
            return new(ChannelsLast.Of(Projection.call(x)), Projection is Stem);
        using var turn = Serve();
        return new(Folded.Run(x), IsBehindFirst: true);
    }

    /// <summary>Until the result is disposed, this thread's runs of the base are this input's, with the parts that it has of its own.</summary>
    public IDisposable Serve() => InputLayers.Serve(Name);
}

/// <summary>A map that goes into a base: at its beginning, or behind its first convolution.</summary>
internal readonly record struct ProjectedMap(Tensor Map, bool IsBehindFirst);
