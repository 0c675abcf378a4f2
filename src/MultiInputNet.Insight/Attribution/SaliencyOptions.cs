namespace MultiInputNet.Insights;

/// <summary>How saliency is computed.</summary>
public sealed record SaliencyOptions
{
    /// <summary>Whether gradients keep their sign; otherwise their absolute values are returned.</summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool Signed { get; init; }

    /// <summary>The number of samples that the model runs at one time. It does not change the results.</summary>
    /// <value>Default: <see langword="null"/>, as many as fit into memory.</value>
    public int? BatchSize { get; init => field = Pieces.Check(value, nameof(BatchSize)); }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
