using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>
/// Describes an input's own copy of the first convolution of a base of a published family (<see cref="ImageBaseSpec"/>), made to fit
/// an image of any number of channels. What it gives goes into the base behind that convolution, so that trained first weights
/// are kept for images of any kind.
/// </summary>
/// <remarks>It begins with the weights that the base is made with; after others are loaded, <see cref="MultiInputModel.AdaptStems"/> adapts those.</remarks>
public sealed record AdaptedStemSpec : ProjectionSpec
{
    /// <summary>How the weights are made to fit.</summary>
    /// <value>Default: <see cref="StemMethod.Repeat"/>.</value>
    public StemMethod Method { get; init; }

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, SharedBase trunk) => trunk.FirstConvolution switch
    {
        null => throw new NotSupportedException($"{trunk.GetName()} has no first convolution that can be adapted"),
        var conv when conv.out_channels == trunk.Channels => throw new NotSupportedException(
            $"the base takes as many channels as its first convolution gives, {trunk.Channels}"),
        var conv => new AdaptedStem(conv, ((ImageInput)input).Channels, Method),
    };

    internal override nn.Module<Tensor, Tensor> Create(InputSpec input, int channels) => throw new NotSupportedException("a stem needs its base");

    internal override Int128 CountWeights(InputSpec input, BaseSpec trunk) => input.Shape[0] * ((trunk as ImageBaseSpec)?.FirstWeightsPerChannel ?? 0);

    internal override (string Problem, string Cure)? FindMistake(InputSpec input) => input is ImageInput
        ? null
        : WrongKind("An adapted stem", input, "Use Projections.Tabular for tables, Projections.Sequence for sequences and tokens.");
}
