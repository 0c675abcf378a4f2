using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The built path of one input to the features that its base produces.</summary>
internal sealed record InputPath(
    string Name,
    InputSpec Spec,
    Standardization? Standardization,
    nn.Module<Tensor, Tensor> Projection,
    SharedBase Base,
    FoldedProjection? Folded,
    InputParts? Own,
    SampleMixing Mixing,
    MapShape Joining, // where its map can join others: after the base's first convolution, or at its beginning where there is none
    MapShape Projected,
    FeatureShape Features,
    long Macs,
    long ProjectionMacs, // those of them that are its projection's
    long LargestResult)
{
    /// <summary>The projection, where it stands for the first convolution of the base.</summary>
    public Stem? Stem => Projection as Stem;

    /// <summary>The projection, and what it shares with the projections of other inputs.</summary>
    public IEnumerable<nn.Module> ProjectionModules => [Projection, .. Stem?.Slices ?? []];

    /// <summary>
    /// Whether batches may have another floating-point type than the weights: they are standardised, or looked up, before they are
    /// converted.
    /// </summary>
    public bool TakesAnyFloat => Standardization is not null || Spec.TakesAnyFloat;

    /// <summary>Samples as the model takes them, on its device.</summary>
    public Tensor Take(Tensor samples, Device device, ScalarType type) => ModelCall.Take(Spec, TakesAnyFloat, samples, device, type);

    /// <summary>What the projection takes.</summary>
    /// <param name="batch">A batch, of a floating type that may be wider than that of the weights.</param>
    /// <param name="type">The type of the weights: what is standardised becomes of it afterwards.</param>
    public Tensor Standardize(Tensor batch, ScalarType type)
    {
        var x = Standardization is null ? batch : Standardization.call(batch);
        return x.is_floating_point() && Projection is not IConvertsInput ? x.to(type) : x;
    }
}
