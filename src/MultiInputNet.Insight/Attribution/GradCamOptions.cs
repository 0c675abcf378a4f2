namespace MultiInputNet.Insights;

/// <summary>How Grad-CAM is computed.</summary>
public sealed record GradCamOptions
{
    /// <summary>
    /// The layer of the base whose map is taken: the name of a module of the base, such as <c>stages.1</c> or <c>layer4.1.conv2</c>, or of
    /// one of its stages.
    /// </summary>
    /// <value>
    /// Default: <see langword="null"/>, the last map of the base that has more than one position and that the output depends on. Of a
    /// vision transformer that gives its class token, these are the tokens before its last layer.
    /// </value>
    public string? Layer { get; init; }

    /// <summary>Whether maps are resized to the samples; otherwise they are as large as the layer's.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Resize { get; init; } = true;

    /// <summary>Whether negative values are replaced by zeros, as in the paper: what speaks against the output is left out.</summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool PositiveOnly { get; init; } = true;

    /// <summary>The number of samples that the model runs at one time. It does not change the results.</summary>
    /// <value>Default: <see langword="null"/>, as many as fit into memory.</value>
    public int? BatchSize { get; init => field = Pieces.Check(value, nameof(BatchSize)); }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
