using System.Reflection;
using System.Text.RegularExpressions;

namespace MultiInputNet.Tests;

/// <summary>Prose in the field's own words: phrases that give away a translation do not come back, and lines keep their width.</summary>
public sealed partial class PlainWordsTests
{
    private const int MarkdownWidth = 120;

    private static readonly string library = Path.GetFullPath(typeof(PlainWordsTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "LibraryFolder").Value!);

    private static readonly string root = Path.GetFullPath(Path.Combine(library, "..", ".."));

    private static IEnumerable<string> Pages => Directory.EnumerateFiles(root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md"));

    [Fact]
    public void Prose_has_no_phrase_that_reads_like_a_translation()
    {
        var sources = Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(root, "samples"), "*.cs", SearchOption.AllDirectories)).Where(path => !BuildOutput().IsMatch(path));

        Found(Pages.Concat(sources), line => Translated().Match(line) is { Success: true } match ? match.Value : null).Should().BeEmpty();
    }

    [Fact]
    public void Lines_of_pages_keep_their_width_outside_of_tables() =>
        Found(Pages, line => line.Length > MarkdownWidth && !line.TrimStart().StartsWith('|') ? $"{line.Length} characters" : null).Should().BeEmpty();

    private static IEnumerable<string> Found(IEnumerable<string> paths, Func<string, string?> find) =>
        from path in paths
        from line in File.ReadLines(path).Index()
        let found = find(line.Item)
        where found is not null
        select $"{Path.GetRelativePath(root, path)}:{line.Index + 1}: {found}";

    [GeneratedRegex(
        @"[Bb]ehind (the|each|its|every) (\w+ )?(convolution|normalisation|layer|pooling|header|end|last|epoch|step|stage|base)\b|\bwarrants?\b|needs it not"
        + @"|one behind the other|of one's own|learned by heart|\bbelieved\b|what (it|they) makes? of|which is no (number|part)\b|\bis no (file|image|number) ")]
    private static partial Regex Translated();

    [GeneratedRegex(@"[\\/](obj|bin)[\\/]")]
    private static partial Regex BuildOutput();
}
