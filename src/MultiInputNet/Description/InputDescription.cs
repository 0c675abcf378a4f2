namespace MultiInputNet;

/// <summary>A named input of a model.</summary>
public sealed class InputDescription
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Its kind and shape.</summary>
    public required InputSpec Spec { get; init; }

    /// <summary>Its projection to the base; the default of its kind when null.</summary>
    /// <value>Default: <see langword="null"/>.</value>
    public ProjectionSpec? Projection { get; init; }

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
