using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>The published families against torchvision (Fixtures/bases.py): same weights, same input, same results.</summary>
public sealed class PublishedBaseTests
{
    private const double Tolerance = 1e-6;

    /// <summary>Without what is random in training mode.</summary>
    internal static readonly IReadOnlyDictionary<string, BaseSpec> Specs = Bases.Published.ToDictionary(pair => pair.Key, BaseSpec (pair) => pair.Value switch
    {
        EfficientNetSpec spec => spec with { StochasticDepth = 0 },
        ConvNeXtSpec spec => spec with { StochasticDepth = 0 },
        var spec => spec,
    });

    public static TheoryData<string> Small => ["resnet18", "resnet50", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny", "vit_s_16"];

    public static TheoryData<string> Large => ["resnet34", "resnet101", "mobilenet_v3_large", "efficientnet_b1", "efficientnet_b2", "vit_b_16"];

    [Theory]
    [MemberData(nameof(Small))]
    [MemberData(nameof(Large))]
    public void Its_weights_have_the_names_and_shapes_of_torchvision_and_are_counted_before_they_are_made(string name)
    {
        using var scope = NewDisposeScope();
        using var sharedBase = Specs[name].Create();

        var text = string.Concat(NamedValues(sharedBase).Select(pair => $"{pair.Key} {string.Join(',', pair.Value.shape)}\n"));

        var expected = Fixture.Read("bases")[$"{name}/names"].data<long>().Select(value => (byte)value);
        SHA256.HashData(Encoding.UTF8.GetBytes(text)).Should().Equal(expected, "the weights are\n{0}", text);
        sharedBase.parameters().Where(parameter => parameter.dim() > 1).Sum(parameter => parameter.numel()).Should().Be((long)Specs[name].CountWeights());
    }

    [Theory]
    [MemberData(nameof(Small))]
    public void It_gives_the_maps_of_torchvision(string name) => CompareMaps(name);

    [Theory]
    [MemberData(nameof(Large))]
    [Trait("Category", "Slow")]
    public void A_large_one_gives_the_maps_of_torchvision(string name) => CompareMaps(name);

    [Theory]
    [MemberData(nameof(Small))]
    public void It_gives_the_gradients_and_statistics_of_torchvision(string name) => CompareGradients(name);

    [Theory]
    [MemberData(nameof(Large))]
    [Trait("Category", "Slow")]
    public void A_large_one_gives_the_gradients_and_statistics_of_torchvision(string name) => CompareGradients(name);

    private static void CompareMaps(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var expected = Fixture.Read("bases");
        using var sharedBase = Create(name);
        var input = ChannelsLast.Of(4 * FormulaWeights.Value("input", 2, 3, 64, 64));

        sharedBase.eval();
        var maps = sharedBase.forward_stages(input);

        maps.Keys.Should().Equal(sharedBase.Stages.Select(stage => stage.Name)).And.OnlyHaveUniqueItems();
        Samples(maps.Values.Last()).ShouldEqual(expected[$"{name}/eval/output"], 1e-4);
        maps.Values.Last().ShouldEqual(sharedBase.call(input), 1e-6);

        // Of a transformer the script gives the last map only.
        var summaries = expected[$"{name}/eval/maps"];
        foreach (var (i, map) in maps.Values.TakeLast((int)summaries.shape[0]).Index())
        {
            var (mean, norm) = (summaries[i][0].ToDouble(), summaries[i][1].ToDouble());
            map.norm().ToDouble().Should().BeApproximately(norm, 1e-4 * norm);
            map.mean().ToDouble().Should().BeApproximately(mean, 1e-4 * norm / Math.Sqrt(map.numel()));
        }
    }

    /// <summary>
    /// In double precision: with rounding to 7 digits the sign of a value near zero may differ, and a ReLU or a pooling makes of
    /// that another gradient.
    /// </summary>
    private static void CompareGradients(string name)
    {
        using var scope = NewDisposeScope();
        var expected = Fixture.Read("bases");
        using var sharedBase = Create(name);
        sharedBase.to(ScalarType.Float64);
        foreach (var mode in new[] { "eval", "train" })
        {
            using var pass = NewDisposeScope();
            sharedBase.train(mode == "train");
            sharedBase.zero_grad();
            var input = ChannelsLast.Of(4 * FormulaWeights.Value("input", 2, 3, 64, 64)).to(ScalarType.Float64).requires_grad_();

            var output = sharedBase.call(input);
            (output * FormulaWeights.Value("cotangent", output.shape)).sum().backward();

            Samples(output).ShouldEqual(expected[$"{name}/{mode}/output"], Tolerance);
            Samples(input.grad!).ShouldEqual(expected[$"{name}/{mode}/input_gradient"], Tolerance);
            var parameters = sharedBase.named_parameters().OrderBy(pair => pair.name, StringComparer.Ordinal).Select(pair => pair.parameter).ToArray();
            stack(parameters.Select(parameter => parameter.grad!.norm())).ShouldEqual(expected[$"{name}/{mode}/gradient_norms"], Tolerance);
            var chosen = new[] { parameters[0], parameters[parameters.Length / 2], parameters[^1] };
            stack(chosen.Select(parameter => Samples(parameter.grad!))).ShouldEqual(expected[$"{name}/{mode}/gradients"], Tolerance);
        }

        var statistics = NamedValues(sharedBase).Where(pair => pair.Key.Contains("running", StringComparison.Ordinal)).Select(pair => pair.Value.norm()).ToArray();
        if (statistics.Length > 0)
            stack(statistics).ShouldEqual(expected[$"{name}/train/statistics"], Tolerance);
    }

    /// <summary>
    /// What is equal to torchvision in double precision is so in single precision, up to rounding. Not the gradients of ResNets: some of
    /// millions of ReLUs change their sign by rounding. For torchvision's resnet50 and 4 images of 128×128, PyTorch's own gradients in single
    /// and double precision differ by 1e-3 in evaluation and 1.6e-2 in training mode, and its outputs in training mode by more than its others.
    /// </summary>
    [Theory]
    [MemberData(nameof(Small))]
    public void In_single_precision_it_gives_what_it_gives_in_double(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(7);
        using var single = Specs[name].Create();
        ChannelsLast.Prepare(single);
        using var twice = Specs[name].Create();
        twice.load_state_dict(single.state_dict());
        ChannelsLast.Prepare(twice);
        twice.to(ScalarType.Float64);
        var x = ChannelsLast.Of(randn(8, 3, 64, 64));
        foreach (var training in new[] { false, true })
        {
            var (output, inputGradient, gradients) = Run(single, x.clone(), training);
            var (output64, inputGradient64, gradients64) = Run(twice, x.to(ScalarType.Float64), training);
            if (!training || name != "resnet50")
                output.ShouldEqual(output64, 1e-4);
            if (name.StartsWith("resnet", StringComparison.Ordinal))
                continue;
            inputGradient.ShouldEqual(inputGradient64, 1e-4);
            gradients.ShouldEqual(gradients64, 1e-4);
        }

        static (Tensor Output, Tensor InputGradient, Tensor Gradients) Run(SharedBase sharedBase, Tensor x, bool training)
        {
            sharedBase.train(training);
            sharedBase.zero_grad();
            x.requires_grad_();
            var output = sharedBase.call(x);
            (output * FormulaWeights.Value("cotangent", output.shape)).sum().backward();
            return (output.detach(), x.grad!, cat([.. sharedBase.parameters().Select(parameter => parameter.grad!.flatten())]));
        }
    }

    private static SharedBase Create(string name)
    {
        var sharedBase = Specs[name].Create();
        FormulaWeights.Fill(sharedBase);
        ChannelsLast.Prepare(sharedBase);
        return sharedBase;
    }

    private static Tensor Samples(Tensor x) => x.detach().contiguous().flatten()[arange(256) * 2654435761L % x.numel()];

    private static IEnumerable<KeyValuePair<string, Tensor>> NamedValues(nn.Module module) => module.state_dict()
        .Where(pair => !pair.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
        .OrderBy(pair => pair.Key, StringComparer.Ordinal);
}
