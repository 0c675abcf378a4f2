using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>Describes an <see cref="AttentionFusion"/>; for a task with several inputs, over the positions of all of them.</summary>
/// <param name="Heads">The number of heads, which must divide the channels of the features.</param>
internal sealed record AttentionSpec(int Heads) : FusionSpec
{
    /// <summary>The dropout probability of each attention weight in training mode, from 0 to below 1.</summary>
    /// <value>Default: 0.</value>
    public double Dropout { get; init; }

    internal override string Title => "Attention";

    internal override bool TakesSeveral => true;

    internal override nn.Module Create(IReadOnlyList<FeatureShape> shapes) => new AttentionFusion((int)shapes[0].Channels, Heads, Dropout);

    internal override Int128 CountWeights(IReadOnlyList<FeatureShape> shapes) => 4 * (Int128)shapes[0].Channels * shapes[0].Channels;

    internal override long? ChannelsFor(IReadOnlyList<FeatureShape> shapes) => shapes[0].Channels;

    internal override (string Problem, string Cure)? FindMistake(IReadOnlyList<FeatureShape> shapes)
    {
        var channels = shapes[0].Channels;
        if (shapes.Any(shape => shape.Channels != channels))
        {
            return ($"attention needs features with the same number of channels, but the {Text(shapes)} have {string.Join(", ", shapes.Select(shape => shape.Channels))}.",
                "Use one base for these inputs, or Fusions.Concat().");
        }

        if (Heads < 1 || channels % Heads != 0)
        {
            var divisors = Enumerable.Range(1, 64).Where(heads => channels % heads == 0);
            return ($"{Heads} heads do not divide the {channels} channels of the base's {(shapes[0] is MapShape ? "map" : "tokens")}.",
                $"Use one of {string.Join(", ", divisors)} heads.");
        }

        return Dropout is >= 0 and < 1 ? null : ($"its dropout is {Dropout}.", "Give a probability from 0 to below 1.");
    }
}
