namespace MultiInputNet.Insights;

/// <summary>How saliency is computed.</summary>
public sealed record SaliencyOptions
{
    /// <summary>Whether the absolute values of gradients are returned; otherwise they keep their sign.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Absolute { get; init; } = true;

    /// <summary>The number of samples that the model runs at one time. It does not change the results.</summary>
    /// <value>Default: <see langword="null"/>, as many as fit into memory.</value>
    public int? BatchSize { get; init => field = Pieces.Check(value, nameof(BatchSize)); }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
