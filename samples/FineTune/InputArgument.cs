using System.Text.RegularExpressions;

/// <summary>An input as the command line names it: <c>NAME=KIND:PATH</c>.</summary>
/// <param name="Name">The name of the input and its task.</param>
/// <param name="Kind">One of <see cref="Kinds"/>.</param>
/// <param name="Path">Where its samples are.</param>
internal sealed partial record InputArgument(string Name, string Kind, string Path)
{
    private const string Form = "give NAME=KIND:PATH, such as photos=images:FOLDER@64 (or @64,1 for grayscale), iris=csv:iris.csv, "
        + "fashion=idx:FOLDER, fashion=idx:IMAGES,LABELS, land=npy:X.npy,Y.npy or digits=sample:digits";

    public static IReadOnlyList<string> Kinds { get; } = ["images", "csv", "idx", "npy", "sample"];

    /// <summary>Height and width of prepared images.</summary>
    public int Size { get; private init; } = 64;

    /// <summary>The channels of prepared images.</summary>
    public int Channels { get; private init; } = 3;

    /// <summary>Its files or folder.</summary>
    public IEnumerable<string> Paths => [Path, .. Path.Split(',', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>The two files of a pair.</summary>
    public (string Samples, string Labels) Pair => Path.Split(',') is [var samples, var labels] ? (samples, labels) : (Path, "");

    /// <exception cref="FormatException">The text is not such an argument.</exception>
    public static InputArgument Parse(string text)
    {
        if (Pattern().Match(text) is not { Success: true } match)
            throw new FormatException($"'{text}' is not an input; {Form}.");
        var (name, kind, path) = (match.Groups["name"].Value, match.Groups["kind"].Value, match.Groups["path"].Value);
        if (!Kinds.Contains(kind))
            throw new FormatException($"'{kind}' is not a kind of input; use one of {string.Join(", ", Kinds)}.");
        if (kind == "sample" && !DataSet.All.Any(data => data.Name == path))
            throw new FormatException($"there is no sample '{path}'; use one of {string.Join(", ", DataSet.All.Select(data => data.Name))}.");
        if (kind == "npy" && path.Split(',').Length != 2)
            throw new FormatException($"'{text}' is not a pair of files; give {name}=npy:X.npy,Y.npy.");
        var argument = new InputArgument(name, kind, path);
        if (kind != "images" || PreparedSize().Match(path) is not { Success: true } size)
            return argument;
        return argument with
        {
            Path = path[..size.Index],
            Size = CommandLine.Number(size.Groups["size"].Value, least: 1),
            Channels = size.Groups["channels"].Success ? CommandLine.Number(size.Groups["channels"].Value, least: 1) : 3,
        };
    }

    [GeneratedRegex("^(?<name>[^=]+)=(?<kind>[a-z]+):(?<path>.+)$")]
    private static partial Regex Pattern();

    [GeneratedRegex(@"@(?<size>\d+)(,(?<channels>\d+))?$")]
    private static partial Regex PreparedSize();
}
