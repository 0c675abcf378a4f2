using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Fusions of features of which some are not there, against the same fusion of what is there alone, one sample after the other.</summary>
public sealed class MaskTests
{
    private const int Batch = 4;

    private static readonly FeatureShape[] shapes = [new MapShape(4, 3, 2), new TokenShape(5, 4)];

    /// <summary>Both inputs whole; holes in both; the map absent and holes in the tokens; nothing at all.</summary>
    private static readonly bool[][][] there =
    [
        [[true, true, true, true, true, true], [true, true, true, true, true]],
        [[true, false, true, true, false, false], [false, true, true, false, true]],
        [[false, false, false, false, false, false], [true, false, false, false, true]],
        [[false, false, false, false, false, false], [false, false, false, false, false]],
    ];

    public static TheoryData<string> Every => [.. fusions.Keys];

    private static readonly Dictionary<string, FusionSpec> fusions = new()
    {
        ["concat of means"] = Fusions.Concat(Fusions.GlobalAverage()),
        ["concat of maxima"] = Fusions.Concat(Fusions.GlobalMax()),
        ["sum"] = Fusions.Sum(),
        ["mean"] = Fusions.Mean(),
        ["mean of maxima"] = Fusions.Mean(Fusions.GlobalMax()),
        ["attention"] = Fusions.Attention(heads: 2),
    };

    [Theory]
    [MemberData(nameof(Every))]
    public void What_is_not_there_is_left_out(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var module = Module(name);
        var values = Values();

        var fused = FusionSpec.Fuse(module, Sets(values));

        for (var sample = 0; sample < Batch; sample++)
            fused[sample].ShouldEqual(Expected(name, module, values, sample), 1e-5, $"sample {sample}");
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Neither_values_nor_gradients_of_what_is_not_there_count(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var module = Module(name);
        var values = Values();
        var spoiled = values.Zip(Masks(), (value, mask) => Tokens(value).masked_fill(mask.logical_not().unsqueeze(2), double.NaN)).ToArray();
        spoiled[0] = spoiled[0].transpose(1, 2).reshape(Batch, 4, 3, 2);
        spoiled = [.. spoiled.Select(value => value.detach().requires_grad_())];

        var fused = FusionSpec.Fuse(module, Sets(spoiled));
        fused.square().sum().backward();

        fused.ShouldBeSame(FusionSpec.Fuse(module, Sets(values)).detach());
        foreach (var (value, mask) in spoiled.Zip(Masks()))
        {
            var gradient = Tokens(value.grad!);
            gradient.isfinite().all().ToBoolean().Should().BeTrue(name);
            gradient.masked_select(mask.logical_not().unsqueeze(2)).count_nonzero().ToInt64().Should().Be(0, name);
        }
    }

    [Theory]
    [MemberData(nameof(Every))]
    public void Masks_without_holes_change_nothing(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var module = Module(name);
        var values = Values();

        var masked = FusionSpec.Fuse(module, [.. values.Select(value => new FeatureSet(value, ones(Batch, value.numel() / Batch / 4, dtype: ScalarType.Bool), ones(Batch, dtype: ScalarType.Bool)))]);

        masked.ShouldEqual(FusionSpec.Fuse(module, [.. values.Select(value => new FeatureSet(value))]), 1e-6);
    }

    [Theory]
    [InlineData("concat of means")]
    [InlineData("mean")]
    [InlineData("mean of maxima")]
    [InlineData("attention")]
    public void Means_in_half_precision_do_not_overflow_where_something_is_masked(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var module = fusions[name].Create([new MapShape(4, 16, 16), new MapShape(4, 16, 16)]).to(ScalarType.Float16);
        var values = full([Batch, 4, 16, 16], 40_000, ScalarType.Float16);

        var fused = FusionSpec.Fuse(module, [new(values, ones(Batch, 256, dtype: ScalarType.Bool)), new(values)]);

        fused.ShouldEqual(FusionSpec.Fuse(module, [new(values), new(values)]), 1e-3);
        fused.isfinite().all().ToBoolean().Should().BeTrue(name);
    }

    [Fact]
    public void Flattened_features_are_zero_where_they_are_not_there()
    {
        using var scope = NewDisposeScope();
        var values = Values();
        var (map, tokens) = (values[0], values[1]);
        var masks = Masks();

        var flat = FusionSpec.Fuse(Fusions.Concat().Create(shapes), Sets(values));

        flat[.., ..24].ShouldEqual((map * masks[0].view(Batch, 1, 3, 2)).flatten(1), 1e-30);
        flat[.., 24..].ShouldEqual((tokens * masks[1].unsqueeze(2)).flatten(1), 1e-30);
    }

    [Fact]
    public void A_module_of_plain_maps_refuses_what_it_would_not_see()
    {
        using var scope = NewDisposeScope();
        var plain = Fusions.From("mine", _ => nn.Flatten()).Create([shapes[0]]);
        var whole = new FeatureSet(Values()[0]);

        FusionSpec.Fuse(plain, [whole]).ShouldBeSame(whole.Values.flatten(1));
        FluentActions.Invoking(() => FusionSpec.Fuse(plain, [new(whole.Values, sampleMask: ones(Batch, dtype: ScalarType.Bool))]))
            .Should().Throw<MultiInputException>().WithMessage("*it takes plain maps, which cannot say so. Describe it with Fusions.FromFeatures.");
    }

    private static nn.Module Module(string name)
    {
        var module = fusions[name].Create(shapes);
        if (module is AttentionFusion attention)
            nn.init.normal_(attention.state_dict()["out_proj.bias"]);
        return module;
    }

    // Mostly below zero, so that a zero in place of what is not there would be a maximum.
    private static Tensor[] Values() => [randn(Batch, 4, 3, 2) - 1, randn(Batch, 5, 4) - 1];

    private static Tensor[] Masks() => [.. Enumerable.Range(0, 2).Select(input => stack(there.Select(sample => tensor(sample[input]))))];

    // An absent sample is told by the mask of samples, holes by that of positions.
    private static FeatureSet[] Sets(Tensor[] values) => [.. values.Zip(Masks(), (value, mask) =>
        new FeatureSet(value, mask.logical_or(mask.any(1, keepdim: true).logical_not()), sampleMask: mask.any(1)))];

    private static Tensor Tokens(Tensor value) => value.dim() == 4 ? value.flatten(2).transpose(1, 2) : value;

    private static Tensor Expected(string name, nn.Module module, Tensor[] values, int sample)
    {
        var kept = values.Select((value, input) => Tokens(value)[sample].index_select(0, tensor(there[sample][input].Index().Where(p => p.Item).Select(p => (long)p.Index).ToArray()))).ToArray();
        var present = kept.Where(tokens => tokens.shape[0] > 0).ToArray();
        if (module is AttentionFusion attention)
            return present.Length == 0 ? zeros(4) : attention.forward(cat(present, 0).unsqueeze(0))[0];
        Tensor Vector(Tensor tokens) => tokens.shape[0] == 0 ? zeros(4) : name.Contains("maxima", StringComparison.Ordinal) ? tokens.amax([0]) : tokens.mean([0]);
        return name.StartsWith("concat", StringComparison.Ordinal) ? cat([.. kept.Select(Vector)])
            : present.Length == 0 ? zeros(4)
            : name == "sum" ? stack(present.Select(Vector)).sum(dim: 0)
            : stack(present.Select(Vector)).mean([0]);
    }
}
