using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using MultiInputNet.Training;

namespace MultiInputNet.Insights.Tests;

/// <summary>What holds data says it in its text, in any culture.</summary>
public sealed class RecordTextTests
{
    public static TheoryData<object, string> Records => new()
    {
        { new SaliencyOptions { TimesInput = true }, "SaliencyOptions { TimesInput = True, Absolute = True }" },
        { new OcclusionWindow([3, 4, 4]), "[3, 4, 4]" },
        { new ReportOptions { Composites = new Dictionary<string, IReadOnlyList<string>> { ["field"] = ["nir", "red", "2"] } }, "Composites = { field = [nir, red, 2] }" },
        { new Importance("age", 0.5), "age: 0.5000" },
        { new LearningRatePoint { Rate = 0.5, Loss = 1.5, SmoothedLoss = 2.5 }, "Rate = 0.5, Loss = 1.5, SmoothedLoss = 2.5" },
        {
            new JointComparison { Task = "a", Runs = [new() { Seed = 7, Joint = Evaluation, Alone = Evaluation, AloneTraining = new() { Epochs = [] } }] },
            "JointComparison { Task = a, Runs = [JointRun { Seed = 7, "
        },
        { new Advice { Kind = AdviceKind.RawPixels, Subject = "input 'a'", Measured = "so.", ToDo = "Do." }, "Input 'a': so. Do." },
    };

    private static TaskEvaluation Evaluation => new()
    {
        Loss = 1.5, Metrics = new Dictionary<string, double> { ["accuracy"] = 0.5 }, Primary = "accuracy", HigherIsBetter = true, Count = 3, Score = 0.5,
    };

    [Fact]
    public void Every_public_type_that_has_data_says_it_in_its_text()
    {
        var withData = typeof(Insight).Assembly.GetExportedTypes()
            .Where(type => type.GetMethod("<Clone>$") is not null || type.GetProperties().Any(property => property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers().Length > 0))
            .Where(type => !type.IsAssignableTo(typeof(IProgress<TrainingProgress>)) && type != typeof(LearningRateFinder)).ToArray(); // these do something
        withData.Should().HaveCountGreaterThan(15).And.Contain([typeof(ReportOptions), typeof(JointComparison), typeof(Advice), typeof(TaskGradients)]);

        withData.Where(type => type.GetMethod(nameof(ToString), Type.EmptyTypes)!.DeclaringType == typeof(object)).Should().BeEmpty("its text is its type's name");
        withData.Where(type => type.GetProperties().Any(property => property.PropertyType != typeof(string) && property.PropertyType.IsAssignableTo(typeof(IEnumerable))))
            .Where(type => type.GetMethod(nameof(ToString), Type.EmptyTypes)!.GetCustomAttribute<CompilerGeneratedAttribute>() is not null)
            .Should().BeEmpty("a compiler writes the names of collection types");
    }

    [Theory]
    [MemberData(nameof(Records), DisableDiscoveryEnumeration = true)]
    public void A_text_shows_what_is_in_it_in_any_culture(object record, string part)
    {
        var before = CultureInfo.CurrentCulture;
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        culture.NumberFormat.NumberDecimalSeparator = ",";
        CultureInfo.CurrentCulture = culture;
        try
        {
            record.ToString().Should().Contain(part).And.NotContain("z__").And.NotContain("System.").And.NotContain("`");
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
