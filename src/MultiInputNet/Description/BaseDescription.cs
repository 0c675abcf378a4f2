namespace MultiInputNet;

/// <summary>A base of a model and the inputs that it serves.</summary>
public sealed class BaseDescription
{
    /// <summary>The base.</summary>
    public required BaseSpec Spec { get; init; }

    /// <summary>The inputs that it serves; when null, all that no other base names.</summary>
    /// <value>Default: <see langword="null"/>.</value>
    public IReadOnlyList<string>? Inputs { get; init; }

    /// <summary>Which parts of its batch normalisations each input has for itself.</summary>
    /// <value>Default: <see cref="PerInput.Nothing"/>.</value>
    public PerInput PerInput { get; init; }

    /// <summary>The adapters that each input has for itself at its convolutions.</summary>
    /// <value>Default: <see cref="Adapters.None"/>.</value>
    public Adapters Adapters { get; init; }

    /// <summary>The beginning of the keys of its weights: the field of the model that it is in.</summary>
    internal string Key => Inputs is null ? "base_model" : $"input_bases.{Inputs[0]}";

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());

    /// <summary>This description with what is not null.</summary>
    internal BaseDescription With(
        BaseSpec? spec = null, IReadOnlyList<string>? inputs = null, PerInput? perInput = null, Adapters? adapters = null) =>
        new() { Spec = spec ?? Spec, Inputs = inputs ?? Inputs, PerInput = perInput ?? PerInput, Adapters = adapters ?? Adapters };
}
