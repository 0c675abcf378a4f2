using System.Reflection;
using System.Text.RegularExpressions;

namespace MultiInputNet.Tests.Training;

/// <summary>Each file of a training can be read with nothing but those that it builds on.</summary>
public sealed partial class TrainingFilesTests
{
    [Fact]
    public void No_files_of_a_training_refer_to_each_other_in_a_circle()
    {
        var library = typeof(TrainingFilesTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(it => it.Key == "LibraryFolder").Value!;
        var code = Directory.EnumerateFiles(Path.Combine(library, "Training"), "*.cs", SearchOption.AllDirectories)
            .ToDictionary(path => Path.GetFileName(path), path => Comment().Replace(File.ReadAllText(path), ""));
        var declares = code.SelectMany(file => Declaration().Matches(file.Value), (file, type) => (File: file.Key, Type: type.Groups["name"].Value)).ToArray();
        var needs = code.ToDictionary(
            file => file.Key,
            file => declares.Where(its => its.File != file.Key && Regex.IsMatch(file.Value, $@"(?<![\w.]){its.Type}\b")).Select(its => its.File).ToHashSet());

        needs["TrainingRun.cs"].Should().Contain("TrainingState.cs", "references are found");
        while (needs.Keys.Where(file => !needs[file].Overlaps(needs.Keys)).ToArray() is { Length: > 0 } readable)
        {
            foreach (var file in readable)
                needs.Remove(file);
        }

        needs.Keys.Should().BeEmpty();
    }

    [GeneratedRegex("//.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^(public|internal)[\w\s]*?\b(class|record|struct|interface|enum)\s+(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
