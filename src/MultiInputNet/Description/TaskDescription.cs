namespace MultiInputNet;

/// <summary>A named task of a model: which inputs it reads, and what happens with their feature maps.</summary>
public sealed class TaskDescription
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its output layer.</summary>
    public required HeadSpec Head { get; init; }

    /// <summary>The inputs that it reads; when null, the one with its name.</summary>
    /// <value>Default: <see langword="null"/>.</value>
    public IReadOnlyList<string>? From { get; init; }

    /// <summary>Its fusion; the model's when null.</summary>
    /// <value>Default: <see langword="null"/>.</value>
    public FusionSpec? Fusion { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
