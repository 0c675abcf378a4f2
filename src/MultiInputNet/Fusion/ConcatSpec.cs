namespace MultiInputNet;

/// <summary>Puts the vectors of several inputs one behind the other. See <see cref="CombinedFusion"/>.</summary>
public sealed record ConcatSpec() : CombinedFusionSpec(new FlattenSpec())
{
    internal override string Title => "Concat";

    private protected override Combination Combination => Combination.Concatenation;
}
