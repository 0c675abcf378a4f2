using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

public sealed class EndpointTests : IAsyncLifetime
{
    private const double Tolerance = 1e-5;

    private static readonly long[] words = [0, 19, 3, 3, 7, 1];
    private static readonly double[] plain = [1.5, -2, 0.25];

    private readonly MultiInputModel model = TestModel.Build();
    private ServedModel served = null!;

    public async Task InitializeAsync() => served = await ServedModel.StartAsync(TestModel.Build());

    public async Task DisposeAsync()
    {
        await served.DisposeAsync();
        model.Dispose();
    }

    [Fact]
    public async Task An_image_file_is_classified()
    {
        var png = TestModel.Png();
        using var content = File(png);

        var answer = await served.PostAsync("/predict/species", content);

        var expected = ExpectedOfPhoto("species", png);
        Probabilities(answer, "classes").Should().BeEquivalentTo(TestModel.Species.Zip(expected), WithinTolerance);
        answer.GetProperty("class").GetString().Should().Be(TestModel.Species[Array.IndexOf(expected, expected.Max())]);
        answer.GetProperty("probability").GetDouble().Should().BeApproximately(expected.Max(), Tolerance);
        answer.GetProperty("kind").GetString().Should().Be("class");
        answer.GetProperty("task").GetString().Should().Be("species");
    }

    [Fact]
    public async Task Labels_and_values_are_answered_too()
    {
        using var photo = File(TestModel.Png(1));
        var tags = await served.PostAsync("/predict/tags", photo);
        var values = await served.PostAsync("/predict/plain", plain);

        var expected = ExpectedOfPhoto("tags", TestModel.Png(1));
        Probabilities(tags, "labels").Select(label => label.Probability).Should().Equal(expected, Near);
        tags.GetProperty("presentLabels").GetArrayLength().Should().Be(expected.Count(p => p > 0.5));
        Numbers(values.GetProperty("values")).Should().Equal(TestModel.Expected(model, "plain", ("plain", tensor(plain).view(1, 3))), Near);
    }

    [Fact]
    public async Task A_form_gives_several_inputs_by_name()
    {
        var png = TestModel.Png(2);
        using var form = new MultipartFormDataContent
        {
            { File(png), "photo", "cat.png" },
            { JsonContent.Create(new { age = 31, colour = "green" }), "record" },
        };

        var answer = await served.PostAsync("/predict/price", form);

        using var record = tensor(new[] { 31.0, 2 }).view(1, 2);
        var photo = TestModel.Photo(png);
        Numbers(answer.GetProperty("values")).Should().Equal(TestModel.Expected(model, "price", ("photo", photo), ("record", record)), Near);
    }

    [Fact]
    public async Task JSON_gives_several_inputs_by_name_an_image_in_Base64()
    {
        var png = TestModel.Png(3);
        object Sample(int age) => new { photo = png, record = new { age, colour = "red" } };

        var one = await served.PostAsync("/predict/price", Sample(50));
        var two = await served.PostAsync("/predict/price", new[] { Sample(20), Sample(50) });

        var photo = TestModel.Photo(png);
        Numbers(one.GetProperty("values")).Should().Equal(
            TestModel.Expected(model, "price", ("photo", photo), ("record", tensor(new[] { 50.0, 1 }).view(1, 2))), Near);
        two.GetArrayLength().Should().Be(2);
        Numbers(two[1].GetProperty("values")).Should().Equal(Numbers(one.GetProperty("values")), Near);
    }

    [Fact]
    public async Task A_row_is_an_object_and_rows_are_a_list_of_them()
    {
        var one = await served.PostAsync("/predict/record", new { age = "31,5", colour = (string?)null, unused = 1 });
        var list = await served.PostAsync("/predict/record", new object[] { new { age = 31.5, colour = "" }, new { age = (int?)null, colour = "red" } });
        var named = await served.PostAsync("/predict/record", new { record = new { age = 31.5, colour = "purple" } });

        var unknown = TestModel.Expected(model, "record", ("record", tensor(new[] { 31.5, 0 }).view(1, 2)));
        Probabilities(one, "classes").Select(named => named.Probability).Should().Equal(unknown, Near);
        list.GetArrayLength().Should().Be(2);
        Probabilities(list[0], "classes").Select(named => named.Probability).Should().Equal(unknown, Near);
        Probabilities(named, "classes").Select(named => named.Probability).Should().Equal(unknown, Near);
        Probabilities(list[1], "classes").Select(named => named.Probability).Should()
            .Equal(TestModel.Expected(model, "record", ("record", tensor(new[] { double.NaN, 1 }).view(1, 2))), Near);
    }

    [Fact]
    public async Task Arrays_are_nested_as_the_input_s_shape_and_once_more_for_several_samples()
    {
        var signal = rand(3, 2, 12);
        float[][][] nested = [.. Enumerable.Range(0, 3).Select(i => Enumerable.Range(0, 2).Select(j => signal[i, j].data<float>().ToArray()).ToArray())];

        var one = await served.PostAsync("/predict/signal", nested[1]);
        var all = await served.PostAsync("/predict/signal", nested);
        var ofWords = await served.PostAsync("/predict/words", words);

        var expected = TestModel.Expected(model, "signal", ("signal", signal));
        all.GetArrayLength().Should().Be(3);
        all.EnumerateArray().SelectMany(answer => Probabilities(answer, "classes")).Select(named => named.Probability).Should().Equal(expected, Near);
        Probabilities(one, "classes").Select(named => named.Probability).Should().Equal(expected[2..4], Near);
        Probabilities(ofWords, "classes").Select(named => named.Probability).Should()
            .Equal(TestModel.Expected(model, "words", ("words", tensor(words).view(1, 6))), Near);
    }

    [Fact]
    public async Task All_tasks_that_the_inputs_allow_are_answered_at_once()
    {
        using var form = new MultipartFormDataContent { { File(TestModel.Png()), "photo", "cat.png" }, { JsonContent.Create(plain), "plain" } };
        using var photo = File(TestModel.Png());

        var answer = await served.PostAsync("/predict", form);
        var ofPhoto = await served.PostAsync("/predict", photo);

        Names(answer).Should().Equal("species", "tags", "plain");
        Names(ofPhoto).Should().Equal("species", "tags");
        Probabilities(ofPhoto.GetProperty("species"), "classes").Should()
            .BeEquivalentTo(TestModel.Species.Zip(ExpectedOfPhoto("species", TestModel.Png())), WithinTolerance);
    }

    [Fact]
    public async Task Several_files_of_a_form_are_several_samples()
    {
        using var form = new MultipartFormDataContent { { File(TestModel.Png(1)), "photo", "1.png" }, { File(TestModel.Png(2)), "photo", "2.png" } };

        var answer = await served.PostAsync("/predict/species", form);

        answer.EnumerateArray().Select(each => each.GetProperty("probability").GetDouble())
            .Should().Equal([ExpectedOfPhoto("species", TestModel.Png(1)).Max(), ExpectedOfPhoto("species", TestModel.Png(2)).Max()], Near);
    }

    [Fact]
    public async Task Top_gives_the_most_probable_first()
    {
        using var photo = File(TestModel.Png());

        var answer = await served.PostAsync("/predict/species?top=2", photo);

        Probabilities(answer, "classes").Should().BeEquivalentTo(
            TestModel.Species.Zip(ExpectedOfPhoto("species", TestModel.Png())).OrderByDescending(named => named.Second).Take(2),
            options => WithinTolerance(options).WithStrictOrdering());
    }

    [Fact]
    public async Task The_model_is_described_so_that_a_client_can_be_written()
    {
        var description = await served.Client.GetFromJsonAsync<JsonElement>("/model");

        var inputs = description.GetProperty("inputs").EnumerateArray().ToDictionary(input => input.GetProperty("name").GetString()!);
        inputs["photo"].GetProperty("kind").GetString().Should().Be("image");
        Numbers(inputs["photo"].GetProperty("shape")).Should().Equal(3, 16, 16);
        inputs["words"].GetProperty("vocabulary").GetInt32().Should().Be(20);
        Numbers(inputs["plain"].GetProperty("mean")).Should().Equal(1, 2, 3);
        inputs["record"].GetProperty("columns").ToString().Should().Be(
            """[{"name":"age","kind":"number"},{"name":"colour","kind":"category","categories":["red","green"]}]""");
        var tasks = description.GetProperty("tasks").EnumerateArray().ToDictionary(task => task.GetProperty("name").GetString()!);
        tasks["species"].ToString().Should().Be("""{"name":"species","inputs":["photo"],"kind":"class","classes":["cat","dog","owl","bat"]}""");
        tasks["tags"].GetProperty("labels").GetArrayLength().Should().Be(3);
        tasks["price"].GetProperty("inputs").EnumerateArray().Select(name => name.GetString()).Should().Equal("photo", "record");
        tasks["price"].GetProperty("values").GetInt32().Should().Be(1);
    }

    [Fact]
    public async Task A_program_that_answers_is_healthy() =>
        (await served.Client.GetStringAsync(new Uri("/health", UriKind.Relative))).Should().Be("Healthy");

    [Fact]
    public async Task A_file_that_is_no_model_keeps_the_program_from_starting()
    {
        var start = () => ServedModel.StartAsync(services => services.AddMultiInputPredictor("nowhere.safetensors"));

        await start.Should().ThrowAsync<MultiInputException>().WithMessage("*nowhere.safetensors*");
    }

    private static ByteArrayContent File(byte[] png) => new(png) { Headers = { ContentType = new MediaTypeHeaderValue("image/png") } };

    private double[] ExpectedOfPhoto(string task, byte[] png) => TestModel.Expected(model, task, ("photo", TestModel.Photo(png)));

    private static IEnumerable<string> Names(JsonElement answer) => answer.EnumerateObject().Select(property => property.Name);

    private static double[] Numbers(JsonElement array) => [.. array.EnumerateArray().Select(number => number.GetDouble())];

    private static IEnumerable<(string Name, double Probability)> Probabilities(JsonElement answer, string property) =>
        answer.GetProperty(property).EnumerateArray().Select(named => (named.GetProperty("name").GetString()!, named.GetProperty("probability").GetDouble()));

    private static bool Near(double found, double expected) => Math.Abs(found - expected) < Tolerance;

    private static FluentAssertions.Equivalency.EquivalencyAssertionOptions<(string, double)> WithinTolerance(
        FluentAssertions.Equivalency.EquivalencyAssertionOptions<(string, double)> options) =>
        options.Using<double>(context => context.Subject.Should().BeApproximately(context.Expectation, Tolerance)).WhenTypeIs<double>();
}
