namespace MultiInputNet;

/// <summary>Averages the vectors of several inputs. Created with <see cref="Fusions.Mean"/>.</summary>
internal sealed record MeanSpec() : CombinedFusionSpec(new GlobalAverageSpec())
{
    internal override string Title => "Mean";

    private protected override Combination Combination => Combination.Mean;
}
