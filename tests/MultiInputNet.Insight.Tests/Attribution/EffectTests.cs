using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>No method leaves a trace in a model or in memory, and none depends on how a batch is cut.</summary>
public sealed class EffectTests : IDisposable
{
    public static TheoryData<string> Methods => [.. All.Keys];

    private static readonly Dictionary<string, Func<MultiInputModel, IReadOnlyDictionary<string, Tensor>, int?, IEnumerable<Tensor>>> All = new()
    {
        ["saliency"] = (model, x, size) => Insight.Saliency(model, "joint", x, options: new() { BatchSize = size }).Values,
        ["gradient times input"] = (model, x, size) => Insight.Saliency(model, "joint", x, options: new() { BatchSize = size, TimesInput = true, Absolute = false }).Values,
        ["integrated gradients"] = (model, x, size) => Insight.IntegratedGradients(model, "joint", x, options: new() { BatchSize = size, Steps = 8, Tolerance = 0.05, MostSteps = 32 }).Values,
        ["convergence delta"] = (model, x, size) => [Delta(model, x, size)],
        ["Grad-CAM"] = (model, x, size) => Insight.GradCam(model, "joint", x, options: new() { BatchSize = size }).Values,
        ["Grad-CAM of a layer"] = (model, x, size) => Insight.GradCam(model, "joint", x, options: new() { BatchSize = size, Layer = "stages.0" }).Values,
        ["occlusion"] = (model, x, size) => Insight.Occlusion(model, "joint", x, windows: Windows, batchSize: size).Values,
        ["attention"] = (model, x, size) => Insight.Attention(model, "joint", x, size).Select(map => map.Weights),
        ["feature maps"] = (model, x, size) => [Insight.FeatureMaps(model, "text", x["text"], "stages.0", size)],
        ["filters"] = (model, _, _) => [Insight.Filters(model, "photo"), Insight.BaseFilters(model)],
    };

    private static readonly Dictionary<string, OcclusionWindow> Windows = new() { ["photo"] = new([3, 8, 8]), ["text"] = new([10]) };

    private static Tensor Delta(MultiInputModel model, IReadOnlyDictionary<string, Tensor> x, int? size)
    {
        using var scope = NewDisposeScope();
        var attributions = x.ToDictionary(pair => pair.Key, pair => zeros(pair.Value.shape));
        return Insight.ConvergenceDelta(model, "joint", x, attributions, batchSize: size).MoveToOuterDisposeScope();
    }

    private readonly DisposeScope scope = NewDisposeScope();
    private readonly MultiInputModel model = TestModels.All(
        Bases.ConvNet(8, 12, 16) with { Normalization = Normalization.Batch }, Fusions.Attention(heads: 2));

    private readonly Dictionary<string, Tensor> samples = TestModels.Samples(5).For("photo", "text", "person");

    public void Dispose()
    {
        model.Dispose();
        scope.Dispose();
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_model_is_as_before(string method)
    {
        model.train();
        model.forward(samples)["joint"].sum().backward();
        model.Freeze(Parts.BaseStages("stages.0"), Parts.Projections("photo"));
        var trace = new ModelTrace(model);
        foreach (var enabled in new[] { true, false })
        {
            using var mode = set_grad_enabled(enabled);
            All[method](model, samples, 2).Should().OnlyContain(result => !result.requires_grad && !result.IsInvalid);
            is_grad_enabled().Should().Be(enabled);
        }

        trace.ShouldBeUnchanged();
        samples.Values.Should().OnlyContain(batch => !batch.requires_grad);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_model_is_as_before_after_an_exception_in_it(string method)
    {
        model.train();
        var hook = ((nn.Module<Tensor, Tensor>)model.Paths.First().Base).register_forward_hook((_, _, _) => throw new InvalidOperationException("no"));
        var trace = new ModelTrace(model);
        if (method == "filters")
            FluentActions.Invoking(() => Insight.Filters(model, "nothing")).Should().Throw<MultiInputException>();
        else
            FluentActions.Invoking(() => All[method](model, samples, 2).ToArray()).Should().Throw<InvalidOperationException>();
        trace.ShouldBeUnchanged();
        hook.remove();
        model.modules().OfType<nn.Module<Tensor, Tensor>>().Should().OnlyContain(module => !Hooks.AnyOfUsers(module));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Results_do_not_depend_on_how_a_batch_is_cut(string method)
    {
        Tensor[] whole = [.. All[method](model, samples, null)];
        foreach (var size in new[] { 1, 2, 5, 100 })
        {
            Tensor[] cut = [.. All[method](model, samples, size)];
            cut.Should().HaveCount(whole.Length);
            foreach (var (one, other) in cut.Zip(whole))
                one.ShouldEqual(other, 1e-9, $"{size} at a time");
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Nothing_but_results_stays_in_memory(string method)
    {
        long Live() => DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        foreach (var result in All[method](model, samples, 2).ToArray())
            result.Dispose();
        var before = Live();
        for (var i = 0; i < 3; i++)
        {
            var results = All[method](model, samples, 2).ToArray();
            Live().Should().Be(before + results.Length);
            foreach (var result in results)
                result.Dispose();
        }

        Live().Should().Be(before);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_frozen_model_gives_the_same(string method)
    {
        Tensor[] before = [.. All[method](model, samples, null)];
        model.Freeze(Parts.All);
        foreach (var (frozen, free) in All[method](model, samples, null).Zip(before))
            frozen.ShouldEqual(free, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void Single_and_double_precision_agree(string method)
    {
        Tensor[] exact = [.. All[method](model, samples, null)];
        model.to(ScalarType.Float32);
        var narrow = samples.ToDictionary(pair => pair.Key, pair => pair.Value.is_floating_point() ? pair.Value.to(ScalarType.Float32) : pair.Value);
        foreach (var (single, expected) in All[method](model, narrow, null).Zip(exact))
            single.to(ScalarType.Float64).ShouldEqual(expected, method == "integrated gradients" ? 0.05 : 1e-3);
    }
}
