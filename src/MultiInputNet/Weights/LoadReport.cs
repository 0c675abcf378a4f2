using System.Globalization;
using System.Text;

namespace MultiInputNet.Weights;

/// <summary>
/// What happened to each weight when a file was loaded into a module. Names are those of the module, or those that the options make of
/// the file's names. Each is in one of the lists; those in <see cref="Converted"/> are also in <see cref="Loaded"/>.
/// </summary>
public sealed class LoadReport
{
    private const int NamesShown = 5;

    internal LoadReport()
    {
    }

    /// <summary>The file.</summary>
    public string Path { get; internal init; } = "";

    /// <summary>Its format.</summary>
    public WeightFormat Format { get; internal init; }

    /// <summary>The key under which a PyTorch checkpoint held the state dict that was loaded, such as <c>model</c>.</summary>
    /// <value><see langword="null"/> if the file itself is a state dict.</value>
    public string? Key { get; internal init; }

    /// <summary>The prefix that was stripped from the file's names; empty if none was.</summary>
    public string StrippedPrefix { get; internal init; } = "";

    /// <summary>Weights that were loaded, in the module's order.</summary>
    public IReadOnlyList<string> Loaded { get; internal init; } = [];

    /// <summary>Loaded weights whose values were converted from one floating-point type to another.</summary>
    public IReadOnlyList<TypeDifference> Converted { get; internal init; } = [];

    /// <summary>Weights of the module that the file lacks; they are unchanged.</summary>
    public IReadOnlyList<string> Missing { get; internal init; } = [];

    /// <summary>Weights of the file that the module lacks.</summary>
    public IReadOnlyList<string> Unexpected { get; internal init; } = [];

    /// <summary>Weights that were not loaded because of their shape.</summary>
    public IReadOnlyList<ShapeDifference> OtherShape { get; internal init; } = [];

    /// <summary>Weights that were not loaded because their types differ and are not both floating point.</summary>
    public IReadOnlyList<TypeDifference> OtherType { get; internal init; } = [];

    /// <summary>Weights that were not loaded because the file's tensors, such as quantized ones, cannot be read.</summary>
    public IReadOnlyList<string> Unreadable { get; internal init; } = [];

    /// <summary>
    /// Batch counters (<c>num_batches_tracked</c>) that the file lacks although it has the statistics of the same normalisation. Files
    /// written before PyTorch 0.4.1 have none, so the module's are kept, as in PyTorch.
    /// </summary>
    public IReadOnlyList<string> KeptCounters { get; internal init; } = [];

    /// <summary>Weights of the file or the module that the options exclude.</summary>
    public IReadOnlyList<string> Ignored { get; internal init; } = [];

    /// <summary>Whether every weight that is not ignored was loaded.</summary>
    public bool IsComplete => Problems() is "";

    /// <summary>The report as text: how many weights were loaded, and for each other list its size and first entries.</summary>
    /// <returns>Several lines.</returns>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Loaded.Count} weights loaded from '{Path}' ({Format})");
        if (Key is not null)
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  state dict {(Key.Length > 0 ? $"'{Key}'" : "of all keys")}");
        if (StrippedPrefix.Length > 0)
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  prefix '{StrippedPrefix}' taken off the file's names");
        foreach (var (what, names) in Lists().Append(("converted", Texts(Converted))).Append(("kept, since old files lack them", Quoted(KeptCounters))).Append(("ignored", Quoted(Ignored))))
        {
            if (names.Count > 0)
                text.AppendLine().Append("  ").Append(Line(what, names));
        }

        return text.ToString();
    }

    /// <summary>What makes a strict load fail, in one line; empty if nothing does.</summary>
    internal string Problems() => string.Join("; ", Lists().Where(list => list.Names.Count > 0).Select(list => Line(list.What, list.Names)));

    private IEnumerable<(string What, IReadOnlyList<string> Names)> Lists() =>
    [
        ("missing in the file", Quoted(Missing)),
        ("unexpected in the file", Quoted(Unexpected)),
        ("of another shape", Texts(OtherShape)),
        ("of another type", Texts(OtherType)),
        ("unreadable in the file", Quoted(Unreadable)),
    ];

    private static string Line(string what, IReadOnlyList<string> names) =>
        $"{names.Count} {what}: {string.Join(", ", names.Take(NamesShown))}{(names.Count > NamesShown ? $" and {names.Count - NamesShown} more" : "")}";

    private static string[] Quoted(IEnumerable<string> names) => [.. names.Select(name => $"'{name}'")];

    private static string[] Texts<T>(IEnumerable<T> items)
        where T : notnull => [.. items.Select(item => item.ToString()!)];
}
