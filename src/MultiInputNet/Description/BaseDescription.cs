namespace MultiInputNet;

/// <summary>A base of a model and the inputs that it serves.</summary>
/// <param name="Spec">The base.</param>
/// <param name="Inputs">The inputs that it serves; when null, all that no other base names.</param>
/// <param name="PerInput">Which parts of its batch normalisations each input has for itself.</param>
/// <param name="Adapters">The adapters that each input has for itself at its convolutions.</param>
public sealed record BaseDescription(
    BaseSpec Spec, IReadOnlyList<string>? Inputs = null, PerInput PerInput = PerInput.Nothing, Adapters Adapters = Adapters.None)
{
    /// <summary>The beginning of the keys of its weights: the field of the model that it is in.</summary>
    internal string Key => Inputs is null ? "base_model" : $"input_bases.{Inputs[0]}";

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
