using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using MultiInputNet.Tests.Data;
using MultiInputNet.Weights;

namespace MultiInputNet.Tests.Description;

/// <summary>
/// The generated code that reads and writes JSON, compared with the serialiser's reflection, which wrote the files of earlier versions.
/// </summary>
public sealed class DescriptionJsonTests
{
    private static readonly JsonSerializerOptions reflection = new(ModelDescription.JsonOptions) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    public static TheoryData<string> Files =>
    [
        .. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures"), "*.br", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) is var name && !name.StartsWith("training-", StringComparison.Ordinal) && !name.StartsWith("expected", StringComparison.Ordinal))
            .Select(file => Path.GetRelativePath(AppContext.BaseDirectory, file)).Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_description_reads_and_writes_as_by_reflection(string file)
    {
        var read = ModelDescription.FromJson(Read(file));

        read.ToJson().Should().Be(JsonSerializer.Serialize(read, reflection));
        read.Should().Be(JsonSerializer.Deserialize<ModelDescription>(read.ToJson(), reflection));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_member_that_is_left_out_has_its_initial_value_or_is_asked_for(string file)
    {
        var json = ModelDescription.FromJson(Read(file)).ToJson();
        foreach (var path in Members(JsonNode.Parse(json)!))
        {
            var root = JsonNode.Parse(json)!;
            path[..^1].Aggregate(root, (node, key) => key is int index ? node[index]! : node[(string)key]!).AsObject().Remove((string)path[^1]);
            var without = root.ToJsonString();

            Try(() => ModelDescription.FromJson(without)).Should().Be(Try(() => JsonSerializer.Deserialize<ModelDescription>(without, reflection)!), string.Join('.', path));
        }
    }

    private static string Try(Func<ModelDescription> read)
    {
        try
        {
            return read().ToJson();
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or ArgumentException or MultiInputException)
        {
            return "refused";
        }
    }

    private static IEnumerable<object[]> Members(JsonNode node) => node switch
    {
        JsonObject members => members.SelectMany(member => Members(member.Value!).Select(path => (object[])[member.Key, .. path]).Prepend([member.Key])),
        JsonArray list => list.Index().SelectMany(element => Members(element.Item!).Select(path => (object[])[element.Index, .. path])),
        _ => [],
    };

    private static string Read(string file)
    {
        using var folder = new TemporaryFolder();
        using (var from = new BrotliStream(File.OpenRead(Path.Combine(AppContext.BaseDirectory, file)), CompressionMode.Decompress))
        using (var to = File.Create(folder["model.safetensors"]))
            from.CopyTo(to);
        using var model = WeightFile.Open(folder["model.safetensors"]);
        return model.Metadata["multi_input_net.description"];
    }
}
