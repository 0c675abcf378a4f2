namespace MultiInputNet;

/// <summary>A named task of a model: which inputs it reads, and what happens with their feature maps.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Head">Its output layer.</param>
/// <param name="From">The inputs that it reads; when null, the one with its name.</param>
/// <param name="Fusion">Its fusion; the model's when null.</param>
public sealed record TaskDescription(string Name, HeadSpec Head, IReadOnlyList<string>? From = null, FusionSpec? Fusion = null)
{
    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
