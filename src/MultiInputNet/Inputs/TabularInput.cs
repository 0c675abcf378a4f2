namespace MultiInputNet;

/// <summary>A row of a table of numbers: batches are <c>(batch, features)</c>.</summary>
/// <param name="Features">Columns.</param>
public sealed record TabularInput(int Features) : InputSpec
{
    private protected override IReadOnlyList<long> SampleShape => [Features];

    private protected override string KindName => "tabular";

    internal override ProjectionSpec DefaultProjection => new TabularProjectionSpec();
}
