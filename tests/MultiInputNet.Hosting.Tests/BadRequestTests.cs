using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace MultiInputNet.Hosting.Tests;

/// <summary>A bad request is answered with the code of its mistake and a sentence that names it, and never with what the server is made of.</summary>
public sealed class BadRequestTests : IClassFixture<BadRequestTests.Served>
{
    private static readonly int[] row = [1, 2, 3];

    private readonly ServedModel served;

    public BadRequestTests(Served fixture)
    {
        ArgumentNullException.ThrowIfNull(fixture);
        served = fixture.Model;
    }

    [Theory]
    [InlineData("/predict/nothing", "{}", 404, "species")]
    [InlineData("/predict/record", """{"age": 3""", 400, "malformed")]
    [InlineData("/predict/record", "", 400, "malformed")]
    [InlineData("/predict/record", """{"age": 3, "age": 4, "colour": "red"}""", 400, "malformed")]
    [InlineData("/predict/record", """{"age": 3, "colour": "\ud800"}""", 400, "malformed")]
    [InlineData("/predict/record", """{"agee": 3, "colour": "red"}""", 400, "'age' is missing")]
    [InlineData("/predict/record", """{"age": "old", "colour": "red"}""", 400, "'old', which is not a number")]
    [InlineData("/predict/record", """{"age": true, "colour": "red"}""", 400, "'age' of input 'record' is true")]
    [InlineData("/predict/record", """{"age": [3], "colour": "red"}""", 400, "no input 'age'")]
    [InlineData("/predict/record", "[3, 1]", 400, "'record' is the number 3")]
    [InlineData("/predict/record", "[]", 400, "empty")]
    [InlineData("/predict/record", "null", 400, "'record' is null")]
    [InlineData("/predict/record?top=0", "{}", 400, "'top'")]
    [InlineData("/predict/plain", "[1, 2]", 400, "an array of 2 instead of 3")]
    [InlineData("/predict/plain", """[1, 2, "three"]""", 400, "holds a text")]
    [InlineData("/predict/plain", "[1, 2, null]", 400, "holds null")]
    [InlineData("/predict/plain", "[1, 2, 1e300]", 400, "1e300")]
    [InlineData("/predict/record", """{"age": 1e300, "colour": "red"}""", 400, "not finite")]
    [InlineData("/predict/plain", """{"record": [1, 2, 3]}""", 400, "no input 'record'")]
    [InlineData("/predict/words", "[1, 2, 3, 4, 5, 20]", 400, "from 0 to 19")]
    [InlineData("/predict/words", "[1, 2, 3, 4, 5, -1]", 400, "from 0 to 19")]
    [InlineData("/predict/words", "[1, 2, 3, 4, 5, 1.5]", 400, "the number 1.5")]
    [InlineData("/predict/signal", "[[1, 2], [3, 4]]", 400, "array of 2 instead of 12")]
    [InlineData("/predict/species", "\"####\"", 400, "Base64")]
    [InlineData("/predict/species", "\"QUJD\"", 400, "image")]
    [InlineData("/predict/price", """{"record": {"age": 1, "colour": "red"}}""", 400, "'photo'")]
    [InlineData("/predict/price", "[[1]]", 400, "'photo', 'record'")]
    [InlineData("/predict", "{}", 400, "inputs")]
    [InlineData("/predict", """{"plane": [1, 2, 3]}""", 400, "no input 'plane'")]
    [InlineData("/predict", """[{"plain": [1, 2, 3]}, {"words": [1, 2, 3, 4, 5, 6]}]""", 400, "same inputs")]
    public async Task In_JSON(string path, string json, int status, string problem) => await RefuseAsync(path, "application/json", json, status, problem);

    [Theory]
    [InlineData("/predict/species", null, "x", 415, "missing")]
    [InlineData("/predict/species", "text/plain", "x", 415, "'text/plain'")]
    [InlineData("/predict/species", "image/png", "this is no image", 400, "image")]
    [InlineData("/predict/species", "image/png", "", 400, "image")]
    [InlineData("/predict/species", "image/tiff", "II*\0\u0008\0\0\0", 400, "image")]
    [InlineData("/predict/plain", "image/png", "x", 400, "'plain' is not an image")]
    [InlineData("/predict/price", "image/png", "x", 400, "image")]
    [InlineData("/predict/species", "multipart/form-data", "x", 400, "boundary")]
    [InlineData("/predict/species", "multipart/form-data; boundary=b", "x", 400, "form")]
    [InlineData("/predict/species", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--", 400, "no input 'x'")]
    [InlineData("/predict/plain", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=plain\r\n\r\n[1,\r\n--b--", 400, "malformed")]
    [InlineData("/predict/plain", "multipart/form-data; boundary=b", "--b\r\nContent-Type: text/plain\r\n\r\n[1]\r\n--b--", 400, "no name")]
    public async Task In_other_content(string path, string? type, string body, int status, string problem) => await RefuseAsync(path, type, body, status, problem);

    [Fact]
    public Task A_boundary_that_is_longer_than_any() =>
        RefuseAsync("/predict/plain", $"multipart/form-data; boundary={new string('b', 5000)}", "x", 400, "boundary");

    [Fact]
    public async Task Too_large_an_image_or_request_or_too_many_samples()
    {
        using var image = new ByteArrayContent(TestModel.Png(0, 101, 100)) { Headers = { ContentType = new("image/png") } };
        using var file = new ByteArrayContent(new byte[Served.LargestRequest + 1]) { Headers = { ContentType = new("image/png") } };
        using var chunked = new StreamContent(new Endless(Served.LargestRequest + 1)) { Headers = { ContentType = new("image/png") } };

        (await served.PostAsync("/predict/species", image, 400)).GetProperty("detail").GetString().Should().Contain("10,000");
        (await served.PostAsync("/predict/species", file, 413)).GetProperty("detail").GetString().Should().Contain($"{Served.LargestRequest}");
        (await served.PostAsync("/predict/species", chunked, 413)).GetProperty("detail").GetString().Should().Contain("too large");
        (await served.PostAsync("/predict/plain", Enumerable.Repeat(row, 41), 413)).GetProperty("detail").GetString().Should().Contain("at most 40");
    }

    [Fact]
    public async Task In_chunks_without_a_length()
    {
        using var client = new TcpClient();
        await client.ConnectAsync(served.Client.BaseAddress!.Host, served.Client.BaseAddress.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            "POST /predict/plain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n[1, 2, 3]\r\n"));
        using var reader = new StreamReader(stream);

        (await reader.ReadLineAsync()).Should().Be("HTTP/1.1 400 Bad Request");
    }

    [Fact]
    public async Task Of_another_method()
    {
        using var response = await served.Client.GetAsync(new Uri("/predict/species", UriKind.Relative));

        ((int)response.StatusCode).Should().Be(405);
    }

    private async Task RefuseAsync(string path, string? type, string body, int status, string problem)
    {
        using var content = new ByteArrayContent(Encoding.Latin1.GetBytes(body));
        if (type is not null)
            content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);

        var answer = await served.PostAsync(path, content, status);

        answer.GetProperty("status").GetInt32().Should().Be(status);
        answer.GetProperty("detail").GetString().Should().Contain(problem).And.NotContain("Exception").And.NotContain(" at MultiInputNet");
    }

    public sealed class Served : IAsyncLifetime
    {
        public const int LargestRequest = 20_000;

        internal ServedModel Model { get; private set; } = null!;

        public async Task InitializeAsync() => Model = await ServedModel.StartAsync(TestModel.Build(), options =>
        {
            options.LargestImage = 10_000;
            options.LargestRequest = LargestRequest;
            options.Batching = new() { QueueLimit = 40 };
        });

        public async Task DisposeAsync() => await Model.DisposeAsync();
    }

    /// <summary>A stream whose length nobody knows.</summary>
    private sealed class Endless(int length) : MemoryStream(new byte[length])
    {
        public override bool CanSeek => false;
    }
}
