using System.Text.Json;

namespace MultiInputNet.Tests;

/// <summary>What a script in Fixtures has written.</summary>
internal static class Fixture
{
    public static JsonElement Read(string name)
    {
        using var stream = typeof(Fixture).Assembly.GetManifestResourceStream(name)!;
        return JsonDocument.Parse(stream).RootElement;
    }

    public static double[] Numbers(this JsonElement element, string property) =>
        [.. element.GetProperty(property).EnumerateArray().Select(number => number.GetDouble())];
}
