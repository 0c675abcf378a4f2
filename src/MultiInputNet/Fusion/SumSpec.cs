namespace MultiInputNet;

/// <summary>Sums the vectors of several inputs. Created with <see cref="Fusions.Sum"/>.</summary>
internal sealed record SumSpec() : CombinedFusionSpec(new GlobalAverageSpec())
{
    internal override string Title => "Sum";

    private protected override Combination Combination => Combination.Sum;
}
