using System.Globalization;

namespace MultiInputNet;

/// <summary>The version that a file says it has.</summary>
internal static class FormatVersion
{
    /// <summary>What keeps a file of a version from being read; null where nothing does.</summary>
    /// <param name="version">What the file says; null where it says nothing, as files from before there were versions, which count as version 1.</param>
    /// <param name="newest">The newest version that is read, from 1.</param>
    public static (string Problem, string Cure, bool IsNewer)? FindMistake(string? version, int newest) =>
        version is null ? null
        : !int.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1
            ? ($"its format version is '{(version.Length <= 20 ? version : $"{version.AsSpan(0, 20)}…")}', which is not a number that a version can have.",
                "Give a file that this library wrote, undamaged.", false)
        : number > newest
            ? ($"it is in format version {number}, and this version of MultiInputNet reads format versions up to {newest}.", "Update MultiInputNet to read it.", true)
        : null;
}
