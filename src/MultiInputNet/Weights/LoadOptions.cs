namespace MultiInputNet.Weights;

/// <summary>
/// How the weights of a file find their place in a module. A name of the file goes through <see cref="StripPrefix"/>,
/// <see cref="Rename"/> and <see cref="AddPrefix"/>, in this order, and is then a name of the module's <c>state_dict</c>.
/// </summary>
public sealed record LoadOptions
{
    /// <summary>
    /// The key of a PyTorch checkpoint's state dict, as for <see cref="WeightFile.Open(string, string?)"/>: <c>ema</c>, <c>state.model</c>, or
    /// the empty string for all tensors of the file but those of an optimizer, with the keys that lead to each before its name.
    /// </summary>
    /// <value>
    /// Default: <see langword="null"/>, which searches for it; of several state dicts that have none of the usual keys, the one with
    /// more of the module's names than any other is loaded.
    /// </value>
    public string? Key { get; init; }

    /// <summary>The beginning that is taken off the names that have it; the empty string takes nothing off.</summary>
    /// <value>
    /// Default: <see langword="null"/>, which takes <c>module.</c> off, as PyTorch's <c>DataParallel</c> adds it, where every name
    /// of the file has it and the module has no such name.
    /// </value>
    public string? StripPrefix { get; init; }

    /// <summary>Gives a name another.</summary>
    /// <value>Default: <see langword="null"/>, names stay as they are.</value>
    public Func<string, string>? Rename { get; init; }

    /// <summary>
    /// What is put before each name, such as <c>base_model.</c>. The weights of the module whose names begin otherwise are
    /// ignored then.
    /// </summary>
    /// <value>Default: empty.</value>
    public string AddPrefix { get; init; } = "";

    /// <summary>
    /// Names, as the module has them, of weights that are not loaded and neither missing nor unexpected; <c>*</c> stands for
    /// any characters and <c>?</c> for one: <c>["fc.*"]</c> leaves a classifier alone.
    /// </summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>
    /// Whether every weight must find its place with its shape and a type that fits; if not, what fits is loaded, and it is an error
    /// when nothing does.
    /// </summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Strict { get; init; } = true;

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this);
}
