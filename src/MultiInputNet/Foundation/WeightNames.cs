using System.Text.RegularExpressions;

namespace MultiInputNet;

/// <summary>What names of inputs, tasks and bands are allowed to be, as they become parts of weight names.</summary>
internal static partial class WeightNames
{
    /// <summary>Whether it can be part of a weight's name.</summary>
    public static bool IsPart(string name) => Pattern().IsMatch(name);

    [GeneratedRegex(@"^[A-Za-z0-9_-]{1,100}\z")]
    private static partial Regex Pattern();
}
