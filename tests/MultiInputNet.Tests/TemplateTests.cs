using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;

namespace MultiInputNet.Tests;

/// <summary>Installs the packed template in a place of its own and uses what it generates the way its README says.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PackageTests.PackedLibrary))]
public sealed class TemplateTests(PackageTests.PackedLibrary packed)
{
    [Fact]
    public async Task A_project_from_the_template_trains_predicts_and_serves()
    {
        // A name that has to be made into an identifier.
        var project = Path.Combine(packed.Folder, "My-Plants");
        string[] hive = ["--debug:custom-hive", Path.Combine(packed.Folder, "hive")];
        PackageTests.PackedLibrary.Dotnet(packed.Folder, ["new", "install", packed.File("nupkg", "MultiInputNet.Templates"), .. hive]);
        PackageTests.PackedLibrary.Dotnet(packed.Folder, ["new", "multiinput", "-o", project, "--skipRestore", .. hive]);
        File.ReadAllText(Path.Combine(project, "My-Plants.csproj")).Should()
            .Contain($"\"MultiInputNet.Hosting\" Version=\"{packed.Version}\"").And.Contain("TorchSharp-cpu").And.NotContain("cuda").And.NotContain("_VERSION");

        var cuda = Path.Combine(packed.Folder, "Cuda");
        PackageTests.PackedLibrary.Dotnet(packed.Folder, ["new", "multiinput", "-o", cuda, "--backend", "cuda", "--skipRestore", .. hive]);
        File.ReadAllText(Path.Combine(cuda, "Cuda.csproj")).Should().Contain("TorchSharp-cuda-linux").And.NotContain("TorchSharp-cpu");

        PackageTests.PackedLibrary.Dotnet(project, "build", "-c", "Release", "-o", "built", "-warnaserror", $"-p:RestoreAdditionalProjectSources={packed.Folder}");
        var program = Path.Combine("built", "My-Plants.dll");
        string Run(params string[] arguments) => PackageTests.PackedLibrary.Dotnet(project, [program, .. arguments]);

        Run("train", "--epochs", "10").Should().MatchRegex(@"plant: accuracy (0\.[89]|1\.)").And.Contain("Saved to model.safetensors.");
        Run("predict", "--row", "leaf_length=8.7", "leaf_width=4.1", "petals=4", "soil=sand").Should().MatchRegex(@"^poppy \([01]\.\d{3}\)");
        Run("predict", "--image", "data/photos/spotted/01.png").Should().MatchRegex(@"01\.png: (spotted|healthy) [01]\.\d{3}");
        var rows = Run("predict", "--table", "data/plants.csv").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        rows.Should().HaveCount(60).And.AllSatisfy(row => row.Should().MatchRegex(@"line \d+: (buttercup|daisy|poppy) \([01]\.\d{3}\)$"));
        await Serve(project, program);
    }

    private static async Task Serve(string project, string program)
    {
        var start = new ProcessStartInfo("dotnet", [program, "serve", "--urls", "http://127.0.0.1:0"]) { WorkingDirectory = project, RedirectStandardOutput = true };
        using var server = Process.Start(start)!;
        try
        {
            string? line, address = null;
            while (address is null && (line = await server.StandardOutput.ReadLineAsync()) is not null)
                address = line.Split("Now listening on: ").ElementAtOrDefault(1);
            address.Should().NotBeNull("the server says where it listens");

            using var client = new HttpClient { BaseAddress = new(address!) };
            using var answer = await client.PostAsJsonAsync("/predict/plant", new { leaf_length = 8.7, leaf_width = 4.1, petals = 4, soil = "sand" });
            answer.IsSuccessStatusCode.Should().BeTrue();
            (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("class").GetString().Should().Be("poppy");
        }
        finally
        {
            server.Kill();
            await server.WaitForExitAsync();
        }
    }
}
