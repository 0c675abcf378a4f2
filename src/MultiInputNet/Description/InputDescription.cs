namespace MultiInputNet;

/// <summary>A named input of a model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Spec">Its kind and shape.</param>
/// <param name="Projection">Its projection to the base; the default of its kind when null.</param>
public sealed record InputDescription(string Name, InputSpec Spec, ProjectionSpec? Projection = null);
