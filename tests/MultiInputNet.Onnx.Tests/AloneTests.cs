using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>A program that has an exported file and ONNX Runtime alone: neither TorchSharp nor this library.</summary>
[Trait("Category", "Slow")]
public sealed class AloneTests : IDisposable
{
    /// <summary>Answers for samples in a JSON file; what they mean is in the metadata of the model.</summary>
    private const string Code = """
        using System.Globalization;
        using System.Text.Json;
        using Microsoft.ML.OnnxRuntime;

        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        using var session = new InferenceSession(args[0]);
        var metadata = session.ModelMetadata.CustomMetadataMap;
        var description = JsonDocument.Parse(metadata["multi_input_net.description"]).RootElement;
        foreach (var sample in JsonDocument.Parse(File.ReadAllText(args[1])).RootElement.EnumerateArray())
        {
            var inputs = new Dictionary<string, OrtValue>();
            foreach (var (name, input) in session.InputMetadata)
            {
                var values = sample.GetProperty(name);
                long[] shape = [.. input.Dimensions.Select(size => Math.Max(size, 1L))];
                var numbers = values.ValueKind == JsonValueKind.Array ? values.EnumerateArray().Select(value => value.GetDouble()) : Encode(name, values);
                inputs.Add(name, input.ElementType == typeof(long)
                    ? OrtValue.CreateTensorValueFromMemory(numbers.Select(number => (long)number).ToArray(), shape)
                    : OrtValue.CreateTensorValueFromMemory(numbers.Select(number => (float)number).ToArray(), shape));
            }

            using var options = new RunOptions();
            using var outputs = session.Run(options, inputs, session.OutputNames);
            foreach (var (name, output) in session.OutputNames.Zip(outputs))
            {
                var its = JsonDocument.Parse(metadata[$"multi_input_net.output.{name}"]).RootElement;
                var numbers = output.GetTensorDataAsSpan<float>().ToArray();
                var names = its.TryGetProperty("names", out var known) ? known.EnumerateArray().Select(each => each.GetString()).ToArray() : null;
                var answers = numbers.Select((number, i) => $"{names?[i] ?? $"{i}"} {number:R}");
                Console.WriteLine($"{its.GetProperty("task")} ({its.GetProperty("kind")}): {string.Join(", ", answers)}{(its.TryGetProperty("unit", out var unit) ? $" {unit}" : "")}");
            }
        }

        // A row of texts as numbers: those of categories from 1, 0 for an unknown one, NaN for a missing number.
        IEnumerable<double> Encode(string input, JsonElement row)
        {
            var spec = description.GetProperty("inputs").EnumerateArray().First(its => its.GetProperty("name").GetString() == input).GetProperty("spec");
            foreach (var column in spec.GetProperty("columns").EnumerateArray())
            {
                var text = row.GetProperty(column.GetProperty("name").GetString()!).GetString()!;
                yield return column.TryGetProperty("categories", out var categories)
                    ? categories.EnumerateArray().Select(category => category.GetString()).ToList().IndexOf(text) + 1
                    : text.Length == 0 ? double.NaN : double.Parse(text);
            }
        }
        """;

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void It_answers_as_the_model_does()
    {
        var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 8, 8) with { Mean = [0.5, 0.4, 0.3], StandardDeviation = [0.2, 0.3, 0.4] })
            .Input("words", Inputs.Tokens(vocabulary: 20, length: 6))
            .Input("record", Inputs.Tabular(new NumericColumn("age") { Fill = 30, MissingIndicator = true }, new CategoricalColumn("port", ["S", "Q"])) with { Mean = [30, 0], StandardDeviation = [12, 1] })
            .Base(Bases.ConvNet(8, 16) with { Normalization = Normalization.Batch })
            .Fusion(Fusions.Attention(heads: 2))
            .Task("species", Heads.Classification(3) with { ClassNames = ["cat", "dog", "fox"] }, from: ["photo"])
            .Task("tags", Heads.MultiLabel(2) with { LabelNames = ["indoors", "young"] }, from: ["photo", "words"])
            .Task("weight", Heads.Regression(2) with { Mean = [40, 5], StandardDeviation = [10, 1], Unit = "kg", OutputNames = ["net", "gross"] }, from: ["record", "photo"])
            .Build(CPU, seed: 1);
        model.Save(Path.Combine(folder, "model.safetensors"));
        model.ExportOnnx(Path.Combine(folder, "model.onnx"));
        using var predictor = Predictor.Load(Path.Combine(folder, "model.safetensors"));
        var random = new Random(1);
        string[][] rows = [["31", "S"], ["", "Q"], ["8.5", "nowhere"]];
        var samples = rows.Select(row => new
        {
            photo = Enumerable.Range(0, 192).Select(_ => random.NextSingle()).ToArray(),
            words = Enumerable.Range(0, 6).Select(_ => random.NextInt64(20)).ToArray(),
            record = new Dictionary<string, string?> { ["age"] = row[0], ["port"] = row[1] },
        }).ToArray();
        File.WriteAllText(Path.Combine(folder, "samples.json"), JsonSerializer.Serialize(samples));

        var printed = Run().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        var expected = samples.SelectMany(sample => predictor.Predict(new Dictionary<string, InputValue>
        {
            ["photo"] = tensor(sample.photo).view(3, 8, 8), ["words"] = tensor(sample.words), ["record"] = sample.record,
        }).Values).ToArray();
        printed.Should().HaveCount(expected.Length);
        foreach (var (line, answer) in printed.Zip(expected))
        {
            var (start, numbers, unit) = answer.Kind switch
            {
                PredictionKind.Class => ("species (class): ", answer.Classes, ""),
                PredictionKind.Labels => ("tags (labels): ", answer.Labels, ""),
                _ => ("weight (values): ", [.. answer.ValueNames!.Zip(answer.Values, (name, value) => new NamedProbability(name, value))], " kg"),
            };
            line.Should().StartWith(start).And.EndWith(unit);
            var said = line[start.Length..^unit.Length].Split(", ").Select(each => each.Split(' ')).ToArray();
            said.Select(each => each[0]).Should().Equal(numbers.Select(each => each.Name));
            said.Zip(numbers, (each, its) => Math.Abs(double.Parse(each[1], CultureInfo.InvariantCulture) - its.Probability)).Max()
                .Should().BeLessThan(1e-5 * numbers.Max(each => Math.Abs(each.Probability)));
        }
    }

    private string Run()
    {
        var version = typeof(AloneTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "OnnxRuntimeVersion").Value;
        File.WriteAllText(Path.Combine(folder, "alone.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Microsoft.ML.OnnxRuntime" Version="{version}" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(folder, "Program.cs"), Code);
        var start = new ProcessStartInfo("dotnet", ["run", "-c", "Release", "--", "model.onnx", "samples.json"])
        {
            WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
        };

        // What the build that runs these tests set for itself is not for another build.
        foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        process.ExitCode.Should().Be(0, "it printed {0}{1}", output, error.Result);
        Directory.GetFiles(folder, "*.dll", SearchOption.AllDirectories).Select(Path.GetFileName).Should().NotContain(["TorchSharp.dll", "MultiInputNet.dll"]);
        return output;
    }
}
