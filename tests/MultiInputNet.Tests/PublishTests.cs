namespace MultiInputNet.Tests;

/// <summary>Publishes one program in several ways and runs what comes of it.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PackageTests.PackedLibrary))]
public sealed class PublishTests(PackageTests.PackedLibrary packed)
{
    /// <summary>
    /// Reads a CSV file and an image, trains with checkpoints, resumes, saves, loads, exports to ONNX, converts, predicts and serves, with a
    /// module of its own.
    /// </summary>
    private const string Code = """
        using Microsoft.AspNetCore.Builder;
        using Microsoft.Extensions.Logging;
        using MultiInputNet;
        using MultiInputNet.Data;
        using MultiInputNet.Hosting;
        using MultiInputNet.Images;
        using MultiInputNet.Logging;
        using MultiInputNet.Onnx;
        using MultiInputNet.Terminal;
        using MultiInputNet.Training;
        using TorchSharp;
        using static TorchSharp.torch;

        var schema = TableSchema.Infer("letter.csv.gz", ["class"]);
        var letters = new CsvSource("letter", schema, "letter.csv.gz");
        var own = (int features) => (nn.Module<Tensor, Tensor>)new Scaled(features);
        var factories = new Dictionary<string, Delegate> { ["own"] = own };
        using var model = MultiInputModel.Define()
            .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
            .Input("letter", schema.Input)
            .Base(Bases.ConvNet(channels: 4, 8))
            .Fusion(Fusions.Attention(heads: 2))
            .Task("digit", Heads.From("own", own))
            .Task("letter", schema.Head)
            .Build(CPU, seed: 1);
        var options = new TrainerOptions { Epochs = 2, StepsPerEpoch = 2, Checkpoints = new("checkpoints") { EverySteps = 1 }, Balancing = LossBalancing.GradNorm() };
        Console.WriteLine(options);
        if (Directory.Exists("checkpoints"))
            Directory.Delete("checkpoints", recursive: true);
        using (var progress = new ConsoleProgress())
            progress.Complete(new Trainer(model, options).Fit([letters], progress: progress));
        new Trainer(model, options).Resume([letters], progress: new TrainingLogger(Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance));

        model.Save("model.safetensors");
        using var loaded = MultiInputModel.Load("model.safetensors", CPU, factories);
        Console.WriteLine($"same {loaded.Description.Equals(model.Description)}");
        Print();
        var exporters = new Dictionary<Type, OnnxExporter> { [typeof(Scaled)] = (module, graph, inputs) => graph.Run(module.children().Single(), inputs) };
        loaded.ExportOnnx("model.onnx", new() { Exporters = exporters });
        Console.WriteLine($"exported {new FileInfo("model.onnx").Length > 10_000}");
        loaded.to(ScalarType.Float64);
        Print();
        Console.WriteLine(loaded.Summary());
        Console.WriteLine($"warnings: {string.Join('\n', loaded.Warnings)}");
        await Serve();

        async Task Serve()
        {
            var builder = WebApplication.CreateBuilder(["--urls", "http://127.0.0.1:0"]);
            builder.Logging.ClearProviders();
            builder.Services.AddMultiInputPredictor("model.safetensors", served => served.Predictor = new() { Device = CPU, CustomModules = factories });
            await using var app = builder.Build();
            app.MapMultiInputPredictor();
            await app.StartAsync();
            using var client = new HttpClient { BaseAddress = new(app.Urls.Single()) };
            foreach (var path in new[] { "/health", "/model" })
                Console.WriteLine(await client.GetStringAsync(path));
            using var image = new ByteArrayContent(File.ReadAllBytes("grey.png")) { Headers = { ContentType = new("image/png") } };
            using var answer = await client.PostAsync("/predict", new MultipartFormDataContent { { image, "digit", "grey.png" } });
            Console.WriteLine($"served: {await answer.Content.ReadAsStringAsync()}");
        }

        void Print()
        {
            Console.WriteLine(string.Join(' ', loaded.Predict("letter", schema.Input.Columns!.ToDictionary(column => column.Name, _ => (string?)"5")).Classes.Select(its => $"{its.Name} {its.Probability}")));
            Console.WriteLine(string.Join(' ', loaded.Predict("digit", "grey.png").Values));
            Console.WriteLine(string.Join(' ', loaded.state_dict().Select(pair => $"{pair.Key} {pair.Value.dtype}")));
        }

        internal sealed class Scaled : nn.Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.Linear linear;

            public Scaled(int features)
                : base(nameof(Scaled))
            {
                linear = nn.Linear(features, 3);
                RegisterComponents();
            }

            public TorchSharp.Modules.Parameter Unused { get; set; } = new(ones(2));

            public override Tensor forward(Tensor input) => linear.call(input);
        }
        """;

    [Fact]
    public void A_program_prints_the_same_whichever_way_it_is_published()
    {
        var program = packed.MakeProgram("published", Code, "MultiInputNet.Hosting", "MultiInputNet.Images", "MultiInputNet.Logging", "MultiInputNet.Onnx", "MultiInputNet.Terminal", "TorchSharp-cpu");
        foreach (var file in new[] { "images/grey.png", "letter.csv.gz" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "files", file), Path.Combine(program, Path.GetFileName(file)));

        var printed = Publish("-p:SelfContained=false");
        printed.Should().ContainAll("same True", "exported True", "letter", "Unused>k__BackingField Float64", "warnings: ", "served: {\"digit\":{\"task\":\"digit\"").And.NotContain("may crash");
        Publish("-p:SelfContained=true", "-p:PublishTrimmed=true").Should().Be(printed);
        Publish("-p:SelfContained=true", "-p:PublishSingleFile=true").Should().Be(printed);

        // What a trimmer warns of is an error.
        string Publish(params string[] properties)
        {
            PackageTests.PackedLibrary.Dotnet(program, ["publish", "-c", "Release", "-o", "published", "-p:TreatWarningsAsErrors=true", .. properties]);
            var output = PackageTests.PackedLibrary.Run(program, Path.Combine(program, "published", "published"));
            Directory.Delete(Path.Combine(program, "published"), recursive: true);
            return output;
        }
    }

    [Fact]
    public void A_program_without_libtorch_is_warned_of_at_build_and_says_at_its_start_what_to_reference()
    {
        var program = packed.MakeProgram("bare", """
            try
            {
                using var model = MultiInputNet.MultiInputModel.Define()
                    .Input("digit", MultiInputNet.Inputs.Image(channels: 1, height: 8, width: 8))
                    .Base(MultiInputNet.Bases.ConvNet(channels: 4))
                    .Task("digit", MultiInputNet.Heads.Classification(classes: 3))
                    .Build();
            }
            catch (MultiInputNet.MultiInputException e)
            {
                Console.WriteLine(e.Message);
            }
            """, "MultiInputNet");

        Build("-p:MultiInputNetCheckBackend=false").Should().NotContain("MIN0005");
        Build("-p:OutputType=Library").Should().NotContain("MIN0005", "libtorch is the choice of the program that uses it");
        Build().Should().Contain("warning MIN0005: ").And.ContainAll("TorchSharp-cpu", "TorchSharp-cuda-linux", "MultiInputNetCheckBackend");

        // TorchSharp looks for libtorch in the package cache too.
        PackageTests.PackedLibrary.Run(program, "env", $"NUGET_PACKAGES={program}", "dotnet", Directory.GetFiles(program, "bare.dll", SearchOption.AllDirectories).First(file => file.Contains("/bin/")))
            .Should().Contain("Libtorch, backend: it cannot be loaded").And.Contain("Reference the package TorchSharp-cpu");

        string Build(params string[] properties) => PackageTests.PackedLibrary.Dotnet(program, ["build", "-c", "Release", .. properties]);
    }
}
