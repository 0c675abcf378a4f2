using System.Globalization;
using System.Text;

namespace MultiInputNet.Weights;

/// <summary>
/// What became of each weight when a file was loaded into a module. Names are those of the module, or what the options make of the
/// file's; each stands in one of the lists, those of <see cref="Converted"/> in <see cref="Loaded"/> too.
/// </summary>
public sealed class LoadReport
{
    private const int NamesShown = 5;

    internal LoadReport()
    {
    }

    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Its format.</summary>
    public required WeightFormat Format { get; init; }

    /// <summary>The key under which a PyTorch checkpoint held the state dict that was loaded, such as <c>model</c>.</summary>
    /// <value><see langword="null"/> where the file is one.</value>
    public string? Key { get; init; }

    /// <summary>The beginning that was taken off the file's names; empty where none was.</summary>
    public required string StrippedPrefix { get; init; }

    /// <summary>Weights that were loaded, in the module's order.</summary>
    public required IReadOnlyList<string> Loaded { get; init; }

    /// <summary>Loaded weights whose values were converted from one floating-point type to another.</summary>
    public required IReadOnlyList<TypeDifference> Converted { get; init; }

    /// <summary>Weights of the module that the file lacks; they are as before.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>Weights of the file that the module lacks.</summary>
    public required IReadOnlyList<string> Unexpected { get; init; }

    /// <summary>Weights that were not loaded because of their shape.</summary>
    public required IReadOnlyList<ShapeDifference> OtherShape { get; init; }

    /// <summary>Weights that were not loaded because one of their types is no floating-point type and they differ.</summary>
    public required IReadOnlyList<TypeDifference> OtherType { get; init; }

    /// <summary>Weights that were not loaded because the file's tensors cannot be read, such as quantized ones.</summary>
    public required IReadOnlyList<string> Unreadable { get; init; }

    /// <summary>
    /// Counters of batches (<c>num_batches_tracked</c>) that the file lacks beside the statistics of their normalisations. Files of PyTorch
    /// before 0.4.1 have none, so that the module's stay, as in PyTorch.
    /// </summary>
    public required IReadOnlyList<string> KeptCounters { get; init; }

    /// <summary>Weights of the file or the module that the options leave out.</summary>
    public required IReadOnlyList<string> Ignored { get; init; }

    /// <summary>Whether every weight that is not ignored was loaded.</summary>
    public bool IsComplete => Problems() is "";

    /// <summary>The report as text: how many weights were loaded, and of each other kind how many and which are the first.</summary>
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

    /// <summary>What a strict load refuses, in one line; empty when there is nothing.</summary>
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
