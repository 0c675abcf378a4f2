namespace MultiInputNet;

/// <summary>Puts the vectors of several inputs one after the other. Made with <see cref="Fusions.Concat"/>.</summary>
internal sealed record ConcatSpec() : CombinedFusionSpec(new FlattenSpec())
{
    internal override string Title => "Concat";

    private protected override Combination Combination => Combination.Concatenation;
}
