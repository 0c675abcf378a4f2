using System.Reflection;
using System.Text.RegularExpressions;

namespace MultiInputNet.Tests;

public sealed class ReadmeTests
{
    private static readonly string readme = ReadResource("README.md");

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
            typeof(ReadmeExamples).GetMethod(example)!.CreateDelegate<Action>()();
        }
        finally
        {
            Directory.SetCurrentDirectory(folder);
            Console.SetOut(console);
            temporary.Delete(recursive: true);
        }

        return text.ToString();
    }

    private static string ReadResource(string name)
    {
        using var stream = typeof(ReadmeTests).Assembly.GetManifestResourceStream(name)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
