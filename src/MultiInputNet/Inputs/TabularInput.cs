namespace MultiInputNet;

/// <summary>A row of a table of numbers: batches are <c>(batch, features)</c>.</summary>
/// <param name="Features">Columns.</param>
public sealed record TabularInput(int Features) : InputSpec
{
    /// <inheritdoc/>
    public override IReadOnlyList<long> Shape => [Features];

    /// <inheritdoc/>
    public override string Kind => "tabular";

    internal override ProjectionSpec DefaultProjection => new TabularProjectionSpec();
}
