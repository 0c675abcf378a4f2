using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Description;

/// <summary>Kinds say what is special about them; adding one is adding it to no other place than its list.</summary>
public sealed partial class KindTests
{
    private static readonly Type[] library = typeof(MultiInputModel).Assembly.GetTypes();
    private static readonly string folder = typeof(KindTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(it => it.Key == "LibraryFolder").Value!;

    public static TheoryData<Type> Lists =>
        [typeof(InputSpec), typeof(ProjectionSpec), typeof(BaseSpec), typeof(FusionSpec), typeof(SingleFusionSpec), typeof(HeadSpec), typeof(TabularColumn)];

    [Theory]
    [MemberData(nameof(Lists))]
    public void Every_kind_is_in_the_list_that_JSON_needs(Type list) => list.GetCustomAttributes<JsonDerivedTypeAttribute>().Select(its => its.DerivedType)
        .Should().BeEquivalentTo(library.Where(type => type.IsSubclassOf(list) && !type.IsAbstract));

    [Fact]
    public void No_other_folder_asks_which_kind_an_input_a_projection_or_a_head_is()
    {
        // A user's own parts have their factories again by their kinds: that list is the one for all of them.
        Type[] roots = [typeof(InputSpec), typeof(ProjectionSpec), typeof(HeadSpec), typeof(TaskHead)];
        var kinds = library.Where(type => !type.IsAbstract && !type.Name.StartsWith("Custom", StringComparison.Ordinal) && roots.Any(type.IsSubclassOf))
            .ToArray();
        var names = string.Join('|', kinds.Select(type => type.Name).Append("TabularProjection").Append("SequenceProjection").Append("TokenProjection"));
        var test = new Regex($@"\b(is|as|case|or|not|and) (not )?\(?({names})\b|OfType<({names})>|\(({names})\)|^\s*({names})( \w+| {{.*}})?( \w+)? =>");

        var found = Sources().Where(source => source.Path.Split('/')[0] is not ("Inputs" or "Heads"))
            .SelectMany(source => source.Lines.Where(line => test.IsMatch(line)).Select(line => $"{source.Path}: {line.Trim()}"));

        kinds.Should().HaveCountGreaterThan(10);
        test.IsMatch("if (path.Spec is TokenInput tokens)").Should().BeTrue();
        test.IsMatch("            ConvolutionProjectionSpec p => p.Activation,").Should().BeTrue();
        string.Join(Environment.NewLine, found).Should().BeEmpty();
    }

    [Fact]
    public void Nothing_looks_for_words_in_the_names_of_types() =>
        Sources().SelectMany(source => source.Lines.Where(line => NameSearch().IsMatch(line)).Select(line => $"{source.Path}: {line.Trim()}"))
            .Should().BeEmpty();

    [Fact]
    public void Dropouts_draw_in_training_alone()
    {
        nn.Module[] dropouts = [nn.Dropout(), nn.Dropout1d(), nn.Dropout2d(), nn.Dropout3d(), nn.AlphaDropout(), nn.FeatureAlphaDropout()];

        dropouts.Select(module => module.GetType()).Should().BeEquivalentTo(
            typeof(nn.Module).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(nn.Module)) && type.Name.Contains("Dropout")), "these are all");
        dropouts.Should().OnlyContain(module => RandomModules.DrawInTraining(module) && !RandomModules.DrawInEvaluation(module));
        RandomModules.DrawInTraining(nn.Sequential(nn.Linear(1, 1), nn.ReLU())).Should().BeFalse();
        RandomModules.DrawInEvaluation(new Conv2dWithNormInItsName()).Should().BeTrue("nothing is known of a user's");
    }

    [Fact]
    public void Normalisations_are_known_by_their_types()
    {
        nn.Module[] known =
        [
            nn.BatchNorm1d(2), nn.BatchNorm2d(2), nn.BatchNorm3d(2), nn.GroupNorm(1, 2), nn.LayerNorm(2),
            nn.InstanceNorm1d(2), nn.InstanceNorm2d(2), nn.InstanceNorm3d(2), nn.LocalResponseNorm(2),
        ];

        known.Should().OnlyContain(module => Normalizations.Contains(module));
        Normalizations.Contains(new Conv2dWithNormInItsName()).Should().BeFalse();
        Normalizations.MayContain(new Conv2dWithNormInItsName()).Should().BeTrue("nothing is known of a user's");
        Normalizations.MayContain(nn.Conv2d(1, 1, 1)).Should().BeFalse();
        using var convNeXt = new ConvNeXtBase(new ConvNeXtSpec { Widths = [4, 8], Depths = [1, 1] });
        convNeXt.modules().Count(Normalizations.Contains).Should().Be(4, "one after the stem, one before the halving, one in each block");
    }

    private static IEnumerable<(string Path, string[] Lines)> Sources() => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Select(file => (Path: Path.GetRelativePath(folder, file).Replace('\\', '/'), file))
        .Where(source => source.Path.Split('/')[0] is not ("obj" or "bin" or "buildTransitive"))
        .Select(source => (source.Path, File.ReadAllLines(source.file)));

    [GeneratedRegex(@"GetType\(\)\.(Name|FullName)\.(Contains|StartsWith|EndsWith|Equals)|GetName\(\)\.(Contains|StartsWith|EndsWith)")]
    private static partial Regex NameSearch();

    private sealed class Conv2dWithNormInItsName() : nn.Module<Tensor, Tensor>("")
    {
        public override Tensor forward(Tensor input) => input;
    }
}
