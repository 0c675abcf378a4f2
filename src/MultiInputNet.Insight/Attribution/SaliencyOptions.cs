namespace MultiInputNet.Insights;

/// <summary>How saliency is computed.</summary>
public sealed record SaliencyOptions
{
    /// <summary>
    /// Whether each gradient is multiplied by how far the input is from its mean, or from zero where it has none (gradient × input,
    /// Shrikumar et al., 2016): what an element adds to the output, to first order. Without it, a gradient says what would change the
    /// output, wherever something is now.
    /// </summary>
    /// <value>Default: <see langword="false"/>.</value>
    public bool TimesInput { get; init; }

    /// <summary>Whether absolute values are returned; otherwise they keep their sign.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Absolute { get; init; } = true;

    /// <summary>The number of samples that the model runs at one time. It does not change the results.</summary>
    /// <value>Default: <see langword="null"/>, as many as fit into memory.</value>
    public int? BatchSize { get; init => field = Pieces.Check(value, nameof(BatchSize)); }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
