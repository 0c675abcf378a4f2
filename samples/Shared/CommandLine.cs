using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using MultiInputNet;

/// <summary>How the samples parse their arguments.</summary>
internal static class CommandLine
{
    /// <summary>
    /// Runs a command. A mistake in the arguments prints one line that says what is wrong, not a page of help. Returns the exit code: 0, or 1
    /// if something went wrong.
    /// </summary>
    public static int Run(RootCommand command, string[] args)
    {
        var parsed = command.Parse(args);
        if (parsed.Action is not ParseErrorAction)
        {
            try
            {
                return parsed.Invoke(new() { EnableDefaultExceptionHandler = false });
            }
            catch (Exception e) when (e is MultiInputException or IOException or UnauthorizedAccessException)
            {
                Console.Error.WriteLine(e.Message);
                return 1;
            }
        }

        // Words after an unknown option are probably its values.
        var unknown = parsed.UnmatchedTokens.Any(token => token.StartsWith('-')) ? [.. parsed.UnmatchedTokens.Where(token => token.StartsWith('-'))] : parsed.UnmatchedTokens;
        var others = parsed.Errors.Select(error => error.Message).Where(message => !parsed.UnmatchedTokens.Any(token => message.Contains($"'{token}'", StringComparison.Ordinal)));
        foreach (var message in unknown.Select(token => Unknown(command, token)).Concat(others).Distinct())
            Console.Error.WriteLine(message);
        Console.Error.WriteLine("See --help for the options.");
        return 1;
    }

    /// <summary>Why a file cannot be written, and the cure; null if it can be.</summary>
    public static string? FindOutputMistake(string option, string path)
    {
        if (string.IsNullOrWhiteSpace(path))
            return $"{option} is empty; name a file.";
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
            return $"{option}: '{path}' is a folder; name a file in it.";
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Directory.Exists(folder) ? FindFolderMistake(option, folder) : $"{option}: there is no folder '{folder}' for '{Path.GetFileName(path)}'; create it, or name another.";
    }

    /// <summary>Whether two paths lead to the same file, through links too.</summary>
    public static bool IsSameFile(string path, string other)
    {
        return Target(path) == Target(other);

        static string Target(string path)
        {
            try
            {
                return File.ResolveLinkTarget(Path.GetFullPath(path), returnFinalTarget: true)?.FullName ?? Path.GetFullPath(path);
            }
            catch (IOException)
            {
                return Path.GetFullPath(path); // links in a circle
            }
        }
    }

    /// <summary>Why nothing can be written to a folder, which need not exist yet, and the cure; null if it is writable.</summary>
    public static string? FindFolderMistake(string option, string folder)
    {
        if (string.IsNullOrWhiteSpace(folder))
            return $"{option} is empty; name a folder.";
        var existing = Path.GetFullPath(folder);
        while (!Directory.Exists(existing))
        {
            if (File.Exists(existing))
                return $"{option}: '{existing}' is a file; name a folder.";
            existing = Path.GetDirectoryName(existing)!;
        }

        try
        {
            var probe = Path.Combine(existing, $".{Guid.NewGuid():N}");
            using (new FileStream(probe, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose }))
                return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"{option}: nothing can be written to the folder '{existing}'; name another.";
        }
    }

    /// <summary>A whole number.</summary>
    /// <exception cref="FormatException">The text is not such a number.</exception>
    public static int Number(string text, int least) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new FormatException($"'{text}' is not a whole number of at least {least}.");

    /// <summary>The message for a word that is not an option, with the most similar option.</summary>
    private static string Unknown(RootCommand command, string token)
    {
        if (!token.StartsWith('-'))
            return $"'{token}' does not belong to an option.";
        var name = token.Split('=', ':')[0];
        var nearest = command.Options.Select(option => option.Name).MinBy(option => Distance(name, option))!;
        return $"There is no option {name}{(Distance(name, nearest) <= Math.Max(1, name.Length / 3) ? $"; did you mean {nearest}?" : ".")}";
    }

    /// <summary>Levenshtein distance: how many letters have to be added, removed or changed.</summary>
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        foreach (var letter in from)
        {
            var (diagonal, left) = (row[0], ++row[0]);
            for (var i = 1; i <= to.Length; i++)
            {
                left = Math.Min(Math.Min(left, row[i]) + 1, diagonal + (letter == to[i - 1] ? 0 : 1));
                (diagonal, row[i]) = (row[i], left);
            }
        }

        return row[^1];
    }
}
