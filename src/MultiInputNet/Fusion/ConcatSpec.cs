namespace MultiInputNet;

/// <summary>Concatenates the vectors of several inputs. Created with <see cref="Fusions.Concat"/>.</summary>
internal sealed record ConcatSpec() : CombinedFusionSpec(new FlattenSpec())
{
    internal override string Title => "Concat";

    private protected override Combination Combination => Combination.Concatenation;
}
