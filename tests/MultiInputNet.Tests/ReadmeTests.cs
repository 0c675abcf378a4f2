using System.Reflection;
using System.Text.RegularExpressions;
using SkiaSharp;

namespace MultiInputNet.Tests;

public sealed class ReadmeTests
{
    private static readonly string readme = ReadResource("README.md");
    private static readonly string[] photos = ["photos/cat/1", "photos/cat/2", "photos/cat/3", "photos/dog/1", "photos/dog/2", "photos/dog/3", "new"];

    [Fact]
    public void The_examples_are_the_README_s_blocks_word_for_word()
    {
        var blocks = Regex.Matches(readme, "```csharp\n(.*?)```", RegexOptions.Singleline)
            .Select(match => Regex.Replace(match.Groups[1].Value, @"^using [\w. ]+;\n", "", RegexOptions.Multiline).Trim('\n'));
        var bodies = Regex.Matches(ReadResource("ReadmeExamples.cs"), @"\(\)\n    \{\n(.*?)\n    \}\n", RegexOptions.Singleline)
            .Select(match => Regex.Replace(match.Groups[1].Value, "^        ", "", RegexOptions.Multiline));

        bodies.Should().Equal(blocks);
    }

    [Theory]
    [InlineData(nameof(ReadmeExamples.A_model_in_ten_lines), "\n5, 6\n")]
    [InlineData(nameof(ReadmeExamples.Several_inputs_and_several_tasks), "species, tags, weight\n")]
    [InlineData(nameof(ReadmeExamples.A_base_of_your_own), "2, 5\n")]
    [InlineData(nameof(ReadmeExamples.Training_with_a_trainer), "digit: accuracy 0.")]
    [InlineData(nameof(ReadmeExamples.Training_in_a_loop_of_your_own), "step 19: loss ")]
    [InlineData(nameof(ReadmeExamples.Evaluating_a_model), ", support 20\n")]
    [InlineData(nameof(ReadmeExamples.Seeing_what_a_model_learned), "4×16×16, 4×2×30\n")]
    [InlineData(nameof(ReadmeExamples.Fine_tuning_in_stages), "7 epochs\n")]
    [InlineData(nameof(ReadmeExamples.Stopping_and_going_on), "False\n")]
    [InlineData(nameof(ReadmeExamples.Growing_a_trained_model), "True\n")]
    [InlineData(nameof(ReadmeExamples.A_table_from_a_file), "survived: ")]
    [InlineData(nameof(ReadmeExamples.Images_from_a_folder), "; skipped: 0\n")]
    [InlineData(nameof(ReadmeExamples.Predicting), "\nnew.csv, line 3: ")]
    [InlineData(nameof(ReadmeExamples.Exporting_to_ONNX), "photo, record.age, record.sex\n")]
    [InlineData(nameof(ReadmeExamples.Serving_a_model), "{\"task\":\"species\",\"kind\":\"class\",\"class\":\"")]
    [InlineData(nameof(ReadmeExamples.Pretrained_bases), "True\n")]
    [InlineData(nameof(ReadmeExamples.ImageNet_weights), "2, 2\n")]
    [InlineData(nameof(ReadmeExamples.A_base_from_an_ONNX_file), "2, 5\n")]
    [InlineData(nameof(ReadmeExamples.Weights_from_elsewhere), "features.weight: Float32 (4, 8)\n")]
    [InlineData(nameof(ReadmeExamples.A_mistake_and_its_message), "Task 'digit', fusion: ")]
    public void An_example_runs_and_prints_what_the_README_says(string example, string expected) =>
        Printed(example).Should().Contain(expected);

    [Fact]
    public void The_README_shows_the_message_of_its_mistake()
    {
        var shown = Regex.Match(readme, "```text\n(Task .*?)```", RegexOptions.Singleline).Groups[1].Value;

        Regex.Replace(Printed(nameof(ReadmeExamples.A_mistake_and_its_message)), @"\s+", " ")
            .Should().Be(Regex.Replace(shown, @"\s+", " "));
    }

    [Fact]
    public void Every_example_is_run() =>
        typeof(ReadmeExamples).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)
            .Select(method => method.Name)
            .Should().BeEquivalentTo(typeof(ReadmeTests).GetMethod(nameof(An_example_runs_and_prints_what_the_README_says))!
                .GetCustomAttributes<InlineDataAttribute>().Select(data => (string)data.GetData(null!).Single()[0]));

    private static string Printed(string example)
    {
        var console = Console.Out;
        var folder = Directory.GetCurrentDirectory();
        using var text = new StringWriter();
        var temporary = Directory.CreateTempSubdirectory();
        try
        {
            Console.SetOut(text);
            Directory.SetCurrentDirectory(temporary.FullName);
            DrawPhotos();
            File.CreateSymbolicLink("classifier.onnx", Path.Combine(AppContext.BaseDirectory, "DnnImageModels", "ResNet18Onnx", "ResNet18.onnx"));
            (typeof(ReadmeExamples).GetMethod(example)!.Invoke(null, BindingFlags.DoNotWrapExceptions, null, null, null) as Task)?.GetAwaiter().GetResult();
        }
        finally
        {
            Directory.SetCurrentDirectory(folder);
            Console.SetOut(console);
            temporary.Delete(recursive: true);
        }

        return text.ToString();
    }

    /// <summary>The files that the example with images reads.</summary>
    private static void DrawPhotos()
    {
        using var bitmap = new SKBitmap(40, 48);
        foreach (var (i, file) in photos.Select(name => $"{name}.png").Index())
        {
            bitmap.Erase(new SKColor((byte)(30 * i), 90, (byte)(255 - 30 * i)));
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);
            using var stream = File.Create(file);
            bitmap.Encode(stream, SKEncodedImageFormat.Png, 100).Should().BeTrue();
        }
    }

    private static string ReadResource(string name)
    {
        using var stream = typeof(ReadmeTests).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
