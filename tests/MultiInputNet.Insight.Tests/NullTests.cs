using System.Reflection;
using MultiInputNet.Data;
using MultiInputNet.Insights.Tests.Sharing;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

/// <summary>Nulls, nulls among what is given, and tensors that were disposed of, are refused by name and change nothing.</summary>
public sealed class NullTests : IDisposable
{
    private static readonly Dictionary<string, Action<MultiInputModel, Tensor?>> Mistakes = new()
    {
        ["Grad-CAM"] = (model, wrong) => Insight.GradCam(model, "image", Both(wrong)),
        ["integrated gradients"] = (model, wrong) => Insight.IntegratedGradients(model, "image", Both(wrong)),
        ["a baseline"] = (model, wrong) => Insight.IntegratedGradients(model, "image", Both(zeros(2, 2, 6, 6)), baselines: Both(wrong)),
        ["convergence delta"] = (model, wrong) => Insight.ConvergenceDelta(model, "image", Both(wrong), Both(zeros(2, 2, 6, 6))),
        ["saliency"] = (model, wrong) => Insight.Saliency(model, "image", Both(wrong)),
        ["occlusion"] = (model, wrong) => Insight.Occlusion(model, "image", Both(wrong)),
        ["attention"] = (model, wrong) => Insight.Attention(model, "image", Both(wrong)),
        ["feature maps"] = (model, wrong) => Insight.FeatureMaps(model, "image", wrong!),
        ["importance"] = (model, wrong) => Insight.ChannelImportance(model, "image", wrong!),
        ["importance of positions"] = (model, wrong) => Insight.PositionImportance(model, "image", wrong!),
        ["importance of inputs"] = (_, wrong) => Insight.InputImportance(Both(wrong)),
        ["a picture"] = (_, wrong) => Pictures.ToPng(wrong!),
        ["a map"] = (_, wrong) => Pictures.Colored(wrong!),
        ["a map over a picture"] = (_, wrong) => Pictures.Overlay(zeros(3, 4, 4), wrong!),
        ["alignment"] = (_, wrong) => Insight.LinearCka(zeros(4, 2), wrong!),
    };

    private static readonly Dictionary<string, Action<MultiInputModel, DataSource[]>> Sources = new()
    {
        ["a report"] = (model, wrong) => Insight.Report(model, wrong, Stream.Null, null),
        ["advice"] = (model, wrong) => Insight.Advise(model, wrong),
        ["gradients"] = (model, wrong) => Insight.GradientConflict(model, wrong),
        ["features"] = (model, wrong) => Insight.BaseFeatures(model, wrong),
        ["similarity"] = (model, wrong) => Insight.LayerSimilarity(model, wrong),
        ["joint against alone"] = (model, wrong) => Insight.JointAgainstAlone(model.Description, wrong, wrong),
        ["a record"] = (model, wrong) => _ = new TrainingRecord(model, wrong),
        ["a learning rate"] = (model, wrong) => new LearningRateFinder(model).Find(wrong),
    };

    private readonly DisposeScope scope = NewDisposeScope();

    public static TheoryData<string> Calls => [.. Mistakes.Keys];

    public static TheoryData<string> Measurements => [.. Sources.Keys];

    public void Dispose() => scope.Dispose();

    [Theory]
    [MemberData(nameof(Calls))]
    public void A_tensor_that_is_null_or_was_disposed_of(string what)
    {
        using var model = SharingProblem.Build();
        var trace = new ModelTrace(model);
        var gone = zeros(2, 2, 6, 6);
        gone.Dispose();
        foreach (var wrong in new[] { null, gone })
            Refused(FluentActions.Invoking(() => Mistakes[what](model, wrong)).Should().Throw<Exception>($"{what} of {(wrong is null ? "null" : "a disposed one")}").Which);
        trace.ShouldBeUnchanged();
    }

    [Theory]
    [MemberData(nameof(Measurements))]
    public void A_source_that_is_null_or_has_lost_its_samples(string what)
    {
        using var model = SharingProblem.Build();
        var trace = new ModelTrace(model);
        var own = zeros(4, 2, 6, 6);
        var lost = new TensorSource("image", own, zeros(4, ScalarType.Int64));
        own.Dispose();
        Refused(FluentActions.Invoking(() => Sources[what](model, [null!])).Should().Throw<Exception>().Which);
        if (what != "a record") // it reads its samples later
            Refused(FluentActions.Invoking(() => Sources[what](model, [lost])).Should().Throw<Exception>().Which);
        trace.ShouldBeUnchanged();
    }

    [Fact]
    public void Every_public_method_and_constructor_refuses_nothing_at_all()
    {
        var called = 0;
        foreach (var method in typeof(Insight).Assembly.GetExportedTypes().Where(type => type.Namespace == "MultiInputNet.Insights" && !type.IsAssignableTo(typeof(Exception)))
            .SelectMany(type => type.GetConstructors().Cast<MethodBase>().Concat(type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly)))
            .Where(method => !method.IsSpecialName || method.IsConstructor))
        {
            var nullability = new NullabilityInfoContext();
            var parameters = method.GetParameters();
            if (method.ContainsGenericParameters || !parameters.Any(parameter => !parameter.ParameterType.IsValueType && nullability.Create(parameter).WriteState == NullabilityState.NotNull))
                continue;
            object?[] nothing = [.. parameters.Select(parameter => parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null)];
            var thrown = Record.Exception(() => method is ConstructorInfo constructor ? constructor.Invoke(nothing) : method.Invoke(null, nothing));
            (thrown as TargetInvocationException)?.InnerException.Should().BeAssignableTo<ArgumentException>($"{method.DeclaringType!.Name}.{method.Name}({string.Join(", ", parameters.Select(parameter => parameter.Name))})");
            thrown.Should().NotBeNull($"{method.DeclaringType!.Name}.{method.Name} takes null");
            called++;
        }

        called.Should().BeGreaterThan(30);
    }

    private static void Refused(Exception thrown) => (thrown is MultiInputException or ArgumentException).Should().BeTrue($"it is {thrown}");

    private static Dictionary<string, Tensor> Both(Tensor? image) => new() { ["image"] = image! };
}
