using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// The base's first convolution with weights that the input shares with others: the concatenated slices of its bands, and the base's bias.
/// </summary>
/// <remarks>
/// Shapes: as the base's first convolution, with the input's channels. It owns nothing: the slices belong to a <see cref="StemBank"/>.
/// </remarks>
internal sealed class SharedStem : Stem, IOperations<Tensor>
{
    private readonly Parts parts;

    /// <summary>Creates the stem.</summary>
    /// <param name="first">The base's first convolution.</param>
    /// <param name="slices">The weights of the input's channels, in their order.</param>
    /// <param name="scale">The factor of the weights.</param>
    public SharedStem(Conv2d first, IReadOnlyList<StemSlice> slices, double scale)
        : base(nameof(SharedStem)) => parts = new(first, slices, scale);

    public override IReadOnlyList<StemSlice> Slices => parts.Slices;

    public override (Tensor Weight, Tensor? Bias) Kernel => (cat([.. Slices.Select(slice => slice.Weight)], 1) * parts.Scale, parts.First.bias);

    public override void Adapt(Conv2d first)
    {
        foreach (var slice in Slices)
            slice.Adapt(first);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return ChannelsLast.Convolve(parts.First, ChannelsLast.Of(input), ChannelsLast.Of(Kernel.Weight)).MoveToOuterDisposeScope();
    }

    public long CountMacs(Tensor input, Tensor output) => output.numel() * Slices.Sum(slice => slice.Weight.numel() / slice.Weight.shape[0]);

    public long Foresee(Tensor input) => TorchOperations.Foresee(parts.First, input);

    // A field of type Module would be registered as a child.
    private sealed record Parts(Conv2d First, IReadOnlyList<StemSlice> Slices, double Scale);
}
