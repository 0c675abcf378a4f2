namespace MultiInputNet.Weights;

/// <summary>
/// How the weights of a file are matched with those of a module. A name from the file passes through <see cref="StripPrefix"/>,
/// <see cref="Rename"/> and <see cref="AddPrefix"/>, in this order, and is then a name in the module's <c>state_dict</c>.
/// </summary>
public sealed record LoadOptions
{
    /// <summary>
    /// The key of a PyTorch checkpoint's state dict, as for <see cref="WeightFile.Open(string, string?)"/>: <c>ema</c>, <c>state.model</c>,
    /// or the empty string for all tensors of the file except an optimizer's, with the keys that lead to each prepended to its name.
    /// </summary>
    /// <value>
    /// Default: <see langword="null"/>, which searches for it; among several state dicts without any of the usual keys, the one that has
    /// the most names in common with the module is loaded.
    /// </value>
    public string? Key { get; init; }

    /// <summary>The prefix to strip from the names that have it; the empty string strips nothing.</summary>
    /// <value>
    /// Default: <see langword="null"/>, which strips <c>module.</c>, the prefix added by PyTorch's <c>DataParallel</c>, if every name in
    /// the file has it and no name in the module does.
    /// </value>
    public string? StripPrefix { get; init; }

    /// <summary>Renames a weight.</summary>
    /// <value>Default: <see langword="null"/>, names are unchanged.</value>
    public Func<string, string>? Rename { get; init; }

    /// <summary>
    /// The prefix to add to each name, such as <c>base_model.</c>. Weights of the module whose names do not begin with it are then
    /// ignored.
    /// </summary>
    /// <value>Default: empty.</value>
    public string AddPrefix { get; init; } = "";

    /// <summary>
    /// Names, as in the module, of weights that are not to be loaded and count neither as missing nor as unexpected; <c>*</c> matches any
    /// characters and <c>?</c> a single one: <c>["fc.*"]</c> leaves out a classifier.
    /// </summary>
    /// <value>Default: none.</value>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>
    /// Whether every weight must match, in name, shape and a compatible type. If not, whatever fits is loaded, and it is an error only if
    /// nothing does.
    /// </summary>
    /// <value>Default: <see langword="true"/>.</value>
    public bool Strict { get; init; } = true;

    /// <inheritdoc/>
    public override string ToString() => RecordText.Of(this, GetType());
}
