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
        { new TaskDescription { Name = "a", Head = Heads.Regression(1), From = ["x", "y"] }, "From = [x, y]" },
        { new InputBatch([3, 4], new Dictionary<string, Tensor> { ["x"] = zeros(2, 5) }), "InputBatch { Rows = [3, 4], Inputs = { x = Float32 (2, 5) } }" },
        { new TableOptions { Numeric = ["a"], TrainingRows = row => row > 3 }, "Numeric = [a]" },
    };

    /// <summary>What 0.1.0 wrote into checkpoints, where these were records.</summary>
    public static TheoryData<object, string> Written => new()
    {
        { LearningRateSchedule.Constant(0.25), "ConstantRate { WarmupShare = 0.25 }" },
        { LearningRateSchedule.WarmupCosine(), "Cosine { WarmupShare = 0.05, Floor = 0 }" },
        { LearningRateSchedule.OneCycle(), "Cycle { PctStart = 0.3, DivFactor = 25, FinalDivFactor = 10000, ThreePhase = False }" },
        { LearningRateSchedule.Step(0.5), "Stairs { ChangeShare = 0.5, Gamma = 0.1, WarmupShare = 0 }" },
        { SourceSampling.All, "Together { }" },
        { SourceSampling.RoundRobin, "InTurn { }" },
        { SourceSampling.Temperature(0.5), "ByTemperature { Tau = 0.5 }" },
        { LossBalancing.Uncertainty(), "UncertaintyWeights { }" },
        { LossBalancing.DynamicWeightAverage(), "DynamicAverage { Temperature = 2 }" },
        { LossBalancing.GradNorm(), "GradientNorms { Alpha = 1.5, LearningRate = 0.025 }" },
        { LossBalancing.PCGrad(7), "Projections { Seed = 7 }" },
        { LossBalancing.CAGrad(0.25), "ConflictAversion { C = 0.25 }" },
        { Optimizers.AdamW(), "AdamWSpec { Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1E-08 }" },
        { Optimizers.Sgd(), "SgdSpec { Momentum = 0.9, Nesterov = False }" },
    };

    [Theory]
    [MemberData(nameof(Written), DisableDiscoveryEnumeration = true)]
    public void What_checkpoints_compare_reads_as_in_old_ones(object described, string text) => described.ToString().Should().Be(text);

    [Theory]
    [MemberData(nameof(Records), DisableDiscoveryEnumeration = true)]
    public void A_record_s_text_shows_the_elements_of_its_collections(object record, string part) =>
        record.ToString().Should().Contain(part).And.NotContain("z__").And.NotContain("System.").And.NotContain("`");
}
