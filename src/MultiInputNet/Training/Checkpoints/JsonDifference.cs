using System.Text.Json;

namespace MultiInputNet.Training;

/// <summary>The first place at which two JSON texts differ.</summary>
internal static class JsonDifference
{
    /// <summary>The path, such as <c>tasks[1].head.classes</c>, and both values; a missing value is <c>nothing</c>.</summary>
    public static (string Path, string First, string Second) Find(string first, string second)
    {
        using var a = JsonDocument.Parse(first);
        using var b = JsonDocument.Parse(second);
        return Find("", a.RootElement, b.RootElement) ?? ("", "", "");
    }

    private static (string Path, string First, string Second)? Find(string path, JsonElement a, JsonElement b)
    {
        if (JsonElement.DeepEquals(a, b))
            return null;
        if (a.ValueKind == JsonValueKind.Object && b.ValueKind == JsonValueKind.Object)
        {
            var names = a.EnumerateObject().Concat(b.EnumerateObject()).Select(property => property.Name).Distinct();
            return names.Select(name => Member(path.Length == 0 ? name : $"{path}.{name}", Property(a, name), Property(b, name))).FirstOrDefault(found => found is not null);
        }

        if (a.ValueKind == JsonValueKind.Array && b.ValueKind == JsonValueKind.Array)
        {
            var count = Math.Max(a.GetArrayLength(), b.GetArrayLength());
            return Enumerable.Range(0, count).Select(i => Member($"{path}[{i}]", Element(a, i), Element(b, i))).FirstOrDefault(found => found is not null);
        }

        return (path, a.GetRawText(), b.GetRawText());
    }

    private static (string Path, string First, string Second)? Member(string path, JsonElement? a, JsonElement? b) => (a, b) switch
    {
        ({ } first, { } second) => Find(path, first, second),
        _ => (path, a?.GetRawText() ?? "nothing", b?.GetRawText() ?? "nothing"),
    };

    private static JsonElement? Property(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value : null;

    private static JsonElement? Element(JsonElement element, int index) => index < element.GetArrayLength() ? element[index] : null;
}
