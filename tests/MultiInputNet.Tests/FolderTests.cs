using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace MultiInputNet.Tests;

/// <summary>The folders of the library refer to each other in one direction only, in the order that docs/ARCHITECTURE.md states.</summary>
public sealed partial class FolderTests
{
    private const string Root = "root";

    private static readonly CSharpParseOptions options = new(LanguageVersion.Preview, DocumentationMode.None);

    private static readonly string[] implicitUsings =
    [
        "System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading", "System.Threading.Tasks",
    ];

    private static readonly string library = Path.GetFullPath(typeof(FolderTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "LibraryFolder").Value!);

    [Fact]
    public void Folders_refer_only_to_those_before_them()
    {
        var architecture = File.ReadAllText(Path.Combine(library, "..", "..", "docs", "ARCHITECTURE.md"));
        var order = OrderPattern().Match(architecture).Value.Split('←').Select(name => name.Trim()).ToList();
        var sources = Directory.EnumerateFiles(library, "*.cs", SearchOption.AllDirectories)
            .Where(path => !GeneratedPattern().IsMatch(Path.GetRelativePath(library, path)))
            .Select(path => CSharpSyntaxTree.ParseText(File.ReadAllText(path), options, path)).ToArray();

        sources.Select(FolderOf).Distinct().Should().BeEquivalentTo(order, "the order names every folder");
        var against = FindReferences(sources).Where(reference => order.IndexOf(reference.To) > order.IndexOf(reference.From))
            .GroupBy(reference => (reference.From, reference.To))
            .Select(group => $"{group.Key.From} -> {group.Key.To}: {string.Join(", ", group.Select(reference => reference.Text).Distinct().Order())}");
        string.Join('\n', against).Should().BeEmpty();
    }

    /// <summary>Every use of a type, or of a member of a type, of another folder.</summary>
    private static IEnumerable<(string From, string To, string Text)> FindReferences(IReadOnlyList<SyntaxTree> sources)
    {
        var compilation = CSharpCompilation.Create(
            "library",
            sources.Append(CSharpSyntaxTree.ParseText(string.Concat(implicitUsings.Select(name => $"global using {name};")), options)),
            ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
                .Where(path => !Path.GetFileName(path).StartsWith("MultiInputNet", StringComparison.Ordinal)).Select(path => MetadataReference.CreateFromFile(path)),
            new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        foreach (var source in sources)
        {
            var model = compilation.GetSemanticModel(source);
            foreach (var name in source.GetRoot().DescendantNodes().OfType<SimpleNameSyntax>())
            {
                var symbol = model.GetSymbolInfo(name).Symbol;
                var type = symbol as INamedTypeSymbol ?? symbol?.ContainingType;
                foreach (var declaration in type?.OriginalDefinition.DeclaringSyntaxReferences ?? [])
                {
                    if (FolderOf(declaration.SyntaxTree) != FolderOf(source))
                        yield return (FolderOf(source), FolderOf(declaration.SyntaxTree), $"{type!.Name} in {Path.GetFileName(source.FilePath)}");
                }
            }
        }
    }

    private static string FolderOf(SyntaxTree source) =>
        Path.GetRelativePath(library, source.FilePath).Split(Path.DirectorySeparatorChar) is [var folder, _, ..] ? folder : Root;

    [GeneratedRegex(@"\w+(\s+←\s+\w+)+")]
    private static partial Regex OrderPattern();

    [GeneratedRegex("^(bin|obj|buildTransitive)/")]
    private static partial Regex GeneratedPattern();
}
