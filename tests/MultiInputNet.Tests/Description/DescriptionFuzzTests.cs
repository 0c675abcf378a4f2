using System.Globalization;
using System.Text.Json.Nodes;
using MultiInputNet.Tests.Weights;
using MultiInputNet.Weights;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Descriptions come with model files, which are not trusted.</summary>
public sealed class DescriptionFuzzTests(ITestOutputHelper output)
{
    private static readonly string[] numbers = ["0", "-1", "1", "3", "1e400", "-1e400", "2147483648", "9223372036854775808", "1e-400", "65536", "0.5", "1000000"];

    /// <summary>
    /// Elements set to null, to other types and to odd numbers, left out, repeated, moved and nested: the text is refused with the library's
    /// one exception, or it builds a model.
    /// </summary>
    [Fact]
    public void A_changed_description_is_refused_or_built_and_nothing_else()
    {
        const int Copies = 3_000;
        using var scope = NewDisposeScope();
        var descriptions = Descriptions().Select(builder => builder.Describe().ToJson()).ToArray();
        foreach (var description in descriptions)
            new MultiInputModel(ModelDescription.FromJson(description), CPU, largestModel: 100_000, largestPass: 100_000).Dispose();
        var chance = new Random(1);
        var (built, refused) = (0, 0);
        for (var i = 0; i < Copies; i++)
        {
            var json = Mutate(descriptions[i % descriptions.Length], chance);
            try
            {
                using var inner = NewDisposeScope();
                using var model = new MultiInputModel(ModelDescription.FromJson(json), CPU, largestModel: 100_000, largestPass: 100_000);
                built++;
            }
            catch (MultiInputException)
            {
                refused++;
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"Copy {i} gave {e.GetType().Name}: {json}", e);
            }
        }

        output.WriteLine($"{built} built, {refused} refused");
        built.Should().BeGreaterThan(Copies / 100);
        refused.Should().BeGreaterThan(Copies / 3);
    }

    [Theory]
    [InlineData("""{ "inputs": [null], "bases": [], "tasks": [] }""")]
    [InlineData("""{ "inputs": [], "bases": [null], "tasks": [] }""")]
    [InlineData("""{ "inputs": [], "bases": [], "tasks": [{ "name": "a", "head": { "type": "classification", "classes": 2 }, "from": [null] }] }""")]
    [InlineData("""{ "inputs": [], "inputs": [], "bases": [], "tasks": [] }""")]
    public void A_list_with_nothing_in_a_place_is_refused(string json) =>
        FluentActions.Invoking(() => ModelDescription.FromJson(json)).Should().Throw<MultiInputException>().WithMessage("*the JSON cannot be read: *");

    [Fact]
    public void Nesting_without_end_is_refused() =>
        FluentActions.Invoking(() => ModelDescription.FromJson(new string('[', 100_000))).Should().Throw<MultiInputException>();

    [Fact]
    public void A_description_of_nothing_is_a_mistake_of_its_caller() =>
        FluentActions.Invoking(() => new ModelDescription([null!], [], [])).Should().Throw<ArgumentException>();

    /// <summary>The file is one of a small model; its description asks for an image of any size, which needs no weights.</summary>
    [Theory]
    [InlineData(3_072)]
    [InlineData(16_384)]
    public void A_file_that_declares_a_huge_image_takes_no_memory(int size)
    {
        using var file = new TemporaryFile();
        using var model = Small(Inputs.Image(1, 32, 32), Bases.ConvNet(32, 64)).Fusion(Fusions.GlobalAverage()).Build(CPU);
        WriteWith(model, file.Path, json => json.Replace("\"height\": 32", $"\"height\": {size}", StringComparison.Ordinal).Replace("\"width\": 32", $"\"width\": {size}", StringComparison.Ordinal));
        var before = PeakMemory();
        var load = () => MultiInputModel.Load(file.Path, CPU);

        load.Should().Throw<MultiInputException>().WithMessage("Input 'a', input: one sample has maps of * values in memory at one time, but a file may ask for at most 268,435,456*largestPass*");
        (PeakMemory() - before).Should().BeLessThan(2L << 30, "the bound is of 1 GB");
    }

    /// <summary>Attention looks at every pair of positions, so that a map that is small enough may still take minutes.</summary>
    [Theory]
    [InlineData("fusion", 256)]
    [InlineData("base", 2_048)]
    public void A_file_that_declares_attention_over_a_huge_map_is_refused(string where, int size)
    {
        using var file = new TemporaryFile();
        using var model = (where == "fusion"
            ? Small(Inputs.Image(3, 32, 32), Bases.ConvNet(8, 8)).Fusion(Fusions.Attention(heads: 2))
            : Small(Inputs.Image(3, 32, 32), Bases.ViTS16()).Fusion(Fusions.GlobalAverage())).Build(CPU);
        WriteWith(model, file.Path, json => json.Replace("\"height\": 32", $"\"height\": {size}", StringComparison.Ordinal).Replace("\"width\": 32", $"\"width\": {size}", StringComparison.Ordinal));
        var load = () => MultiInputModel.Load(file.Path, CPU);

        load.Should().Throw<MultiInputException>().WithMessage("*one sample has maps of * values in memory at one time, but a file may ask for at most 268,435,456*largestPass*");
    }

    [Fact]
    public void The_memory_of_a_load_is_bounded_by_what_its_caller_says()
    {
        using var file = new TemporaryFile();
        using var model = Small(Inputs.Image(1, 32, 32), Bases.ConvNet(32, 64)).Build(CPU);
        model.Save(file.Path);

        // The first convolution makes 64 × 32 × 32 values of 32 × 32 × 32.
        FluentActions.Invoking(() => MultiInputModel.Load(file.Path, CPU, largestPass: 80_000)).Should().Throw<MultiInputException>().WithMessage("*a file may ask for at most 80,000*");
        FluentActions.Invoking(() => MultiInputModel.Load(file.Path, CPU, largestPass: 0)).Should().Throw<ArgumentOutOfRangeException>();
        using var loaded = MultiInputModel.Load(file.Path, CPU, largestPass: 1_000_000);
        loaded.Description.Should().Be(model.Description);
    }

    private static void WriteWith(MultiInputModel model, string path, Func<string, string> change)
    {
        model.Save(path);
        const string Key = "multi_input_net.description";
        string json;
        using (var file = WeightFile.Open(path))
            json = file.Metadata[Key];
        var changed = change(json);
        changed.Should().NotBe(json);
        WeightFile.Write(path, model.state_dict(), new Dictionary<string, string> { [Key] = changed });
    }

    private static long PeakMemory() => 1024 * long.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture);

    private static MultiInputModelBuilder Small(InputSpec input, BaseSpec sharedBase) => MultiInputModel.Define().Input("a", input).Base(sharedBase).Task("a", Heads.Classification(2));

    private static IEnumerable<MultiInputModelBuilder> Descriptions() =>
    [
        MultiInputModel.Define()
            .Input("image", Inputs.Image(2, 4, 4).StandardizedBy(rand(3, 2, 4, 4)), Projections.Convolution(Normalization.Group, Activation.ReLU))
            .Input("sequence", Inputs.Sequence(2, 9), Projections.Sequence())
            .Input("tokens", Inputs.Tokens(7, 6))
            .Base(Bases.ConvNet(3, 4) with { Normalization = Normalization.Batch, Residual = true })
            .Base(Bases.ConvNet(2, 3), inputs: ["tokens"], adapters: Adapters.Parallel)
            .Fusion(Fusions.GlobalAverage())
            .Task("image", Heads.Classification(3, hidden: 4, dropout: 0.1, labelSmoothing: 0.1), fusion: Fusions.Attention(2))
            .Task("both", Heads.MultiLabel(2), from: ["sequence", "image"], fusion: Fusions.Concat(Fusions.GlobalMax()))
            .Task("tokens", Heads.Regression(2)),
        MultiInputModel.Define()
            .Input("table", new TabularInput(3) { Columns = [new NumericColumn("x"), new CategoricalColumn("c", ["a", "b"]), new NumericColumn("y")] })
            .Input("bands", Inputs.Image(2, 8, 8), Projections.BandStem("red", "nir"))
            .Base(Bases.ConvNet(3, 4) with { Depth = 2 })
            .Task("table", Heads.Classification(2))
            .Task("bands", Heads.Regression(1)),
    ];

    private static string Mutate(string json, Random chance)
    {
        var root = JsonNode.Parse(json)!;
        for (var count = chance.Next(1, 3); count > 0; count--)
        {
            var places = Places(root).ToArray();
            if (places.Length == 0)
                break;
            var (parent, at) = places[chance.Next(places.Length)];
            var (other, from) = places[chance.Next(places.Length)];
            switch (chance.Next(8))
            {
                case 0 or 1:
                    Set(parent, at, null);
                    break;
                case 2:
                    Set(parent, at, chance.Next(6) switch { 0 => JsonValue.Create("red"), 1 => JsonValue.Create(true), 2 => new JsonArray(), 3 => new JsonObject(), 4 => new JsonArray(null, 1), _ => JsonValue.Create("") });
                    break;
                case 3 or 4:
                    Set(parent, at, JsonNode.Parse(numbers[chance.Next(numbers.Length)]));
                    break;
                case 5:
                    Remove(parent, at);
                    break;
                case 6:
                    Set(parent, at, Get(other, from)?.DeepClone());
                    break;
                default:
                    if (parent is JsonArray list)
                        list.Add(Get(other, from)?.DeepClone());
                    else
                        Set(parent, chance.Next(2) == 0 ? "surprise" : (string)at + "x", Get(other, from)?.DeepClone());
                    break;
            }
        }

        var text = root.ToJsonString();

        // What no tree of nodes can be: a member twice, a text that ends early, an escape that is none.
        return chance.Next(12) switch
        {
            0 => text.Insert(1, "\"inputs\":[],"),
            1 => text[..chance.Next(text.Length)],
            2 => text.Insert(chance.Next(text.Length), "\\ud800"),
            _ => text,
        };
    }

    private static IEnumerable<(JsonNode Parent, object At)> Places(JsonNode node) => node switch
    {
        JsonObject members => members.ToArray().SelectMany(member => Places(member.Value!).Prepend((members, member.Key))),
        JsonArray list => list.Index().ToArray().SelectMany(element => Places(element.Item!).Prepend((list, element.Index))),
        _ => [],
    };

    private static JsonNode? Get(JsonNode parent, object at) => parent switch
    {
        JsonObject members => members[(string)at],
        JsonArray list when (int)at < list.Count => list[(int)at],
        _ => null,
    };

    private static void Set(JsonNode parent, object at, JsonNode? value)
    {
        if (parent is JsonObject members)
            members[(string)at] = value;
        else if (parent is JsonArray list && (int)at < list.Count)
            list[(int)at] = value;
    }

    private static void Remove(JsonNode parent, object at)
    {
        if (parent is JsonObject members)
            members.Remove((string)at);
        else if (parent is JsonArray list && (int)at < list.Count)
            list.RemoveAt((int)at);
    }
}
