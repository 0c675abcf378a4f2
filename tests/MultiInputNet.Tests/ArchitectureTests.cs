using System.Reflection;
using System.Text.RegularExpressions;

namespace MultiInputNet.Tests;

/// <summary>The files and lines that docs/ARCHITECTURE.md names under "Adding a kind" are there.</summary>
public sealed partial class ArchitectureTests
{
    private static readonly string library = typeof(ArchitectureTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(it => it.Key == "LibraryFolder").Value!;

    private static readonly string adding = Section().Match(File.ReadAllText(Path.Combine(library, "..", "..", "docs", "ARCHITECTURE.md"))).Value;

    private static readonly (string File, string Code)[] edits = [.. Edit().Matches(adding)
        .SelectMany(edit => Line().Matches(edit.Value).Select(line => (edit.Groups["file"].Value, line.Groups["code"].Value)))];

    [Fact]
    public void A_list_of_what_to_edit_names_a_line_of_each_file() =>
        edits.Should().HaveCount(13).And.OnlyContain(edit => File.ReadAllText(Path.Combine(library, edit.File)).Contains(edit.Code));

    [Fact]
    public void Every_kind_has_its_list()
    {
        Regex.Matches(adding, "^### (.*)$", RegexOptions.Multiline).Select(title => title.Groups[1].Value).Should().Equal(
            "Adding an input kind", "Adding a projection", "Adding a base", "Adding a fusion", "Adding a head", "Adding a loss balancing", "Adding a layer");
        Files().Matches(adding).Select(file => file.Groups[1].Value).Should().OnlyContain(file => File.Exists(Path.Combine(library, file)));
    }

    [Fact]
    public void Every_name_in_the_lists_is_a_member_or_a_type_of_the_library()
    {
        const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
        var known = typeof(MultiInputModel).Assembly.GetTypes()
            .SelectMany(type => type.GetMembers(All).Select(member => member.Name).Append(type.Name)).ToHashSet();
        Names().Matches(adding).SelectMany(name => name.Groups[1].Value.Split('.')).Except(["AddedKindTests", "KindTests"])
            .Should().HaveCountGreaterThan(20).And.BeSubsetOf(known);
    }

    [GeneratedRegex(@"^## Adding a kind$.*?(?=^## )", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Section();

    // A point of a list that begins with a file, to the next point or heading.
    [GeneratedRegex(@"^- `(?<file>[\w/]+\.cs)`: .*?(?=^- |^$)", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Edit();

    [GeneratedRegex(@"such as\s+`(?<code>[^`]+)`")]
    private static partial Regex Line();

    [GeneratedRegex(@"`((?:[A-Z]\w+/)+(?!NAME)\w+\.cs)`")]
    private static partial Regex Files();

    [GeneratedRegex(@"`([A-Z][a-z]\w+(?:\.[A-Z]\w+)?)`")]
    private static partial Regex Names();
}
