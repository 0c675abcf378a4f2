namespace MultiInputNet;

/// <summary>A base of a model and the inputs that it serves.</summary>
/// <param name="Spec">The base.</param>
/// <param name="Inputs">The inputs that it serves; all that no other base names, when null.</param>
public sealed record BaseDescription(BaseSpec Spec, IReadOnlyList<string>? Inputs = null);
