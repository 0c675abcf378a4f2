using System.Text;

/// <summary>What the command line says of a prediction.</summary>
internal sealed record PredictionSettings
{
    /// <summary>The file or folder with the samples.</summary>
    public required string Path { get; init; }

    /// <summary>The input of the model that they are for; null if only one takes such samples.</summary>
    public required string? Input { get; init; }

    public required string Model { get; init; }

    /// <summary>What computes the answers; null for that of the kind of file.</summary>
    public required string? Engine { get; init; }

    /// <summary>The only task to answer; null means every task that reads nothing but the input.</summary>
    public required string? Task { get; init; }

    /// <summary>The file for the answers; null means standard output.</summary>
    public required string? Out { get; init; }

    public required ByInput<char> Delimiters { get; init; }

    /// <summary>The decimal separators; null means that of the model.</summary>
    public required ByInput<char?> DecimalSeparators { get; init; }

    /// <summary>The thousands separators; null means that of the model.</summary>
    public required ByInput<char?> ThousandsSeparators { get; init; }

    public required ByInput<Encoding> Encodings { get; init; }

    public required int? Threads { get; init; }

    /// <summary>The inputs that the options name.</summary>
    public IEnumerable<string> Named =>
        [.. Input is null ? [] : new[] { Input }, .. Delimiters.Names, .. DecimalSeparators.Names, .. ThousandsSeparators.Names, .. Encodings.Names];

    /// <summary>Reads <c>PATH</c> or <c>NAME=PATH</c>; a file whose name has an equals sign is a path.</summary>
    public static (string? Input, string Path) ParsePath(string text) =>
        text.Split('=', 2) is [var name, var path] && !File.Exists(text) && !Directory.Exists(text) ? (name, path) : (null, text);

    /// <summary>Which options do not fit together, and what to do about it; null if all is well.</summary>
    public string? FindMistake()
    {
        if (!File.Exists(Path) && !Directory.Exists(Path))
            return $"--predict: there is neither a file nor a folder '{Path}'.";
        if (!File.Exists(Model))
            return $"--model: nothing is at '{Model}'. Train a model first, without --predict.";
        if (Out is null)
            return null;
        var isRead = new[] { Path, Model }.Any(read => CommandLine.IsSameFile(read, Out));
        return isRead ? $"--out: '{Out}' is read; name another." : CommandLine.FindOutputMistake("--out", Out);
    }
}
