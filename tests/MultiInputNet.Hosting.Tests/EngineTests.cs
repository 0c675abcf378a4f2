using System.Net.Http.Json;
using System.Text.Json;
using MultiInputNet.Onnx;
using static TorchSharp.torch;

namespace MultiInputNet.Hosting.Tests;

/// <summary>samples/Serve with each of its engines.</summary>
public sealed class EngineTests : IDisposable
{
    private static readonly double[] plain = [1.5, -2, 0.25];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory();
    private readonly MultiInputModel model = TestModel.Build();

    [Theory]
    [InlineData("model.safetensors", null, false)]
    [InlineData("model.safetensors", "onnx", true)]
    [InlineData("model.onnx", null, true)]
    public async Task An_engine_is_chosen_by_a_word_or_by_the_kind_of_file(string name, string? engine, bool isOnnx)
    {
        var path = Path.Combine(folder.FullName, name);
        if (Path.GetExtension(name) == ".onnx")
            model.ExportOnnx(path);
        else
            model.Save(path);
        using var server = new SampleServer(["--model", path, .. engine is null ? [] : new[] { "--engine", engine }]);
        using var client = new HttpClient { BaseAddress = server.Address };

        var response = await client.PostAsJsonAsync("/predict/plain", plain);

        var answer = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        var expected = TestModel.Expected(model, "plain", ("plain", tensor(plain).view(1, 3)));
        answer.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()).Should().Equal(expected, (one, other) => Math.Abs(one - other) < 1e-5);
        if (OperatingSystem.IsLinux())
            server.Libraries.Contains("onnxruntime.so", StringComparison.Ordinal).Should().Be(isOnnx);
    }

    public void Dispose()
    {
        model.Dispose();
        folder.Delete(recursive: true);
    }
}
