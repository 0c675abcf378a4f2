using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Logging;
using MultiInputNet.Terminal;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class RecordTextTests
{
    [Fact]
    public void Every_public_type_that_has_data_says_it_in_its_text()
    {
        var packages = new[] { typeof(MultiInputModel), typeof(ImageFiles), typeof(TrainingLogger), typeof(ConsoleProgress) }.Select(type => type.Assembly);
        var withData = packages.SelectMany(package => package.GetExportedTypes())
            .Where(type => type.GetMethod("<Clone>$") is not null || type.GetProperties().Any(property => property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Length > 0))
            .ToArray();
        withData = [.. withData.Where(type => !type.IsAssignableTo(typeof(DataSource)) && !type.IsAssignableTo(typeof(IProgress<TrainingProgress>)))];
        withData.Should().HaveCountGreaterThan(40).And.Contain([typeof(TrainingHistory), typeof(TrainingProgress), typeof(TrainingPhase)]);

        withData.Where(type => type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType == typeof(object)).Should().BeEmpty("its text is its type's name");
        withData.Where(type => type.GetProperties().Any(property => property.PropertyType != typeof(string) && property.PropertyType.IsAssignableTo(typeof(IEnumerable))))
            .Where(type => type.GetMethod(nameof(ToString), Type.EmptyTypes)!.GetCustomAttribute<CompilerGeneratedAttribute>() is not null)
            .Should().BeEmpty("a compiler writes the names of collection types");
    }

    private static EpochResult Epoch => new()
    {
        Epoch = 1,
        Phase = 1,
        Step = 5,
        LearningRate = 0.5,
        Losses = new Dictionary<string, double> { ["a"] = 1.5 },
        EpochsSeen = new Dictionary<string, double>(),
        Validation = new Dictionary<string, TaskEvaluation>(),
    };

    public static TheoryData<object, string> Records => new()
    {
        { Bases.ConvNet(48, 64, 128), "ConvNetSpec { Channels = 48, Widths = [64, 128], " },
        { new ClassificationSpec(2) { ClassNames = ["cat", "dog"] }, "ClassNames = [cat, dog]" },
        { new TabularInput(2) { Mean = [0.5f, 1], StandardDeviation = [1, 1.5f], Columns = [new NumericColumn("a"), new CategoricalColumn("b", ["x", "y"])] }, "Mean = [0.5, 1], StandardDeviation = [1, 1.5]" },
        { new CategoricalColumn("b", [.. Enumerable.Range(0, 311).Select(number => $"c{number}")]), "c11, ... 311 in all]" },
        { new TrainingHistory { Epochs = [Epoch] }, "TrainingHistory { Epochs = [EpochResult { Epoch = 1, Phase = 1, Step = 5, LearningRate = 0.5, Losses = { a = 1.5 }, EpochsSeen = {  }, Validation = {  } }], Warnings = [] }" },
        { new TaskDescription("a", Heads.Regression(1), ["x", "y"]), "From = [x, y]" },
        { new InputBatch([3, 4], new Dictionary<string, Tensor> { ["x"] = zeros(2, 5) }), "InputBatch { Rows = [3, 4], Inputs = { x = Float32 (2, 5) } }" },
        { new TableOptions { Numeric = ["a"], TrainingRows = row => row > 3 }, "Numeric = [a]" },
    };

    [Theory]
    [MemberData(nameof(Records), DisableDiscoveryEnumeration = true)]
    public void A_record_s_text_shows_the_elements_of_its_collections(object record, string part) =>
        record.ToString().Should().Contain(part).And.NotContain("z__").And.NotContain("System.").And.NotContain("`");
}
