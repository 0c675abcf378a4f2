using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>Models of every kind in ONNX Runtime, compared with themselves.</summary>
/// <remarks>
/// <c>MULTIINPUTNET_ONNX_MODELS=5000</c> compares more models, <c>MULTIINPUTNET_ONNX_SEED</c> others, and
/// <c>MULTIINPUTNET_ONNX_FOLDER</c> keeps the files, for <c>scripts/onnx-check</c>.
/// </remarks>
public sealed class GeneratedTests
{
    [Fact]
    public void Every_model_that_a_builder_makes_gives_the_same_in_ONNX_Runtime()
    {
        var (count, first) = (Number("MODELS", 300), Number("SEED", 1));
        var folder = Environment.GetEnvironmentVariable("MULTIINPUTNET_ONNX_FOLDER");
        var (built, refused, dynamic, text) = (0, 0, 0, 0);
        var failures = new List<string>();
        for (var seed = first; built < count && failures.Count < 5; seed++)
        {
            var generator = new ModelGenerator(seed);
            var description = generator.Describe().Describe();
            MultiInputModel model;
            try
            {
                model = description.Build(CPU, seed);
            }
            catch (MultiInputException)
            {
                refused++;
                continue;
            }

            built++;
            try
            {
                ModelGenerator.Randomize(model, seed);
                model.eval();
                var options = generator.Options(description);
                byte[] file;
                try
                {
                    file = OnnxExport.ToBytes(model, options);
                }
                catch (MultiInputException) when (options.DynamicSize)
                {
                    // Some modules need the size.
                    options = options with { DynamicSize = false };
                    file = OnnxExport.ToBytes(model, options);
                }

                dynamic += options.DynamicSize ? 1 : 0;
                text += description.Inputs.Any(input => Difference.TextColumns(options, input.Spec) is not null) ? 1 : 0;
                if (folder is not null)
                    File.WriteAllBytes(Path.Combine(folder, $"{seed}.onnx"), file);
                if (Difference.Find(model, options, file, seed) is { } difference)
                    failures.Add($"seed {seed}: {difference}\n{options}\n{description.ToJson()}");
            }
            catch (Exception e) when (e is MultiInputException or OnnxRuntimeException or NotSupportedException or ArgumentException or InvalidOperationException)
            {
                failures.Add($"seed {seed}: {e}\n{description.ToJson()}");
            }
            finally
            {
                model.Dispose();
            }
        }

        string.Join("\n\n", failures).Should().BeEmpty();
        dynamic.Should().BeGreaterThan(built / 20, "many models take images of any size");
        text.Should().BeGreaterThan(built / 20, "many models have tables with categories");
        refused.Should().BeLessThan(Math.Max(5, built / 5), "most of what is generated fits together");
    }

    private static int Number(string name, int otherwise) =>
        Environment.GetEnvironmentVariable($"MULTIINPUTNET_ONNX_{name}") is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
