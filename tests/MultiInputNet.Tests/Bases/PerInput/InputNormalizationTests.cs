using TorchSharp.Modules;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class InputNormalizationTests
{
    public static TheoryData<string, PerInput> Cases => new()
    {
        { "convnet", PerInput.Statistics },
        { "convnet", PerInput.Normalization },
        { "fields", PerInput.Statistics },
        { "fields", PerInput.Normalization },
        { "sequential", PerInput.Statistics },
        { "sequential", PerInput.Normalization },
    };

    private static BaseSpec Spec(string kind) => kind switch
    {
        "convnet" => Bases.ConvNet(4, 6, 8) with { Normalization = Normalization.Batch, Depth = 2, Residual = true },
        "fields" => Bases.From("fields", 4, () => new PrivateFields()),
        _ => Bases.From("sequential", 4, () => nn.Sequential(
            ("conv", nn.Conv2d(4, 8, kernel_size: 3, padding: 1)), ("norm", nn.BatchNorm2d(8, momentum: 0.3)), ("relu", nn.ReLU()))),
    };

    private static MultiInputModelBuilder Define(BaseSpec spec, PerInput perInput, Adapters adapters = Adapters.None) => MultiInputModel.Define()
        .Input("gray", Inputs.Image(1, 6, 6))
        .Input("rgb", Inputs.Image(3, 6, 6))
        .Base(spec, perInput: perInput, adapters: adapters)
        .Task("gray", Heads.Classification(4))
        .Task("rgb", Heads.Classification(5));

    private static Dictionary<string, Tensor> Batch(int seed)
    {
        random.manual_seed(seed);
        return new() { ["gray"] = rand(5, 1, 6, 6) * 3, ["rgb"] = randn(7, 3, 6, 6) - 2 };
    }

    private static MultiInputModel Build(MultiInputModelBuilder builder, int seed = 1)
    {
        random.manual_seed(seed);
        return builder.Build(CPU);
    }

    private static void ShouldEqual(Tensor actual, Tensor expected, string because = "") =>
        (actual.shape.SequenceEqual(expected.shape) && actual.eq(expected).all().ToBoolean()).Should().BeTrue(because);

    private static void ShouldBeClose(Tensor actual, Tensor expected, string because = "") =>
        actual.allclose(expected, rtol: 1e-5, atol: 1e-6).Should().BeTrue(because);

    [Theory]
    [InlineData(PerInput.Statistics)]
    [InlineData(PerInput.Normalization)]
    public void Each_input_has_the_statistics_of_its_own_maps(PerInput perInput)
    {
        using var scope = NewDisposeScope();
        using var model = Build(Define(Spec("sequential"), perInput));
        var state = model.state_dict();
        var batch = Batch(2);

        var maps = model.forward_features(batch);

        foreach (var (name, x) in batch)
        {
            var projected = nn.functional.conv2d(x, state[$"input_projections.{name}.conv.weight"], state[$"input_projections.{name}.conv.bias"]);
            var y = nn.functional.conv2d(projected, state["base_model.module.conv.weight"], state["base_model.module.conv.bias"], padding: [1L, 1]);
            var (mean, variance) = (y.mean([0, 2, 3]), y.var([0, 2, 3], unbiased: false));
            var unbiased = y.var([0, 2, 3], unbiased: true);
            ShouldBeClose(state[$"base_inputs.{name}.module.norm.running_mean"], 0.3 * mean, name);
            ShouldBeClose(state[$"base_inputs.{name}.module.norm.running_var"], 0.7 + 0.3 * unbiased, name);
            state[$"base_inputs.{name}.module.norm.num_batches_tracked"].ToInt64().Should().Be(1);
            var normalized = (y - mean.view(1, -1, 1, 1)) / (variance.view(1, -1, 1, 1) + 1e-5).sqrt();
            maps[name].allclose(normalized.relu(), rtol: 1e-4, atol: 1e-5).Should().BeTrue(name);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Inputs_together_equal_one_by_one_with_their_statistics(string kind, PerInput perInput)
    {
        using var scope = NewDisposeScope();
        using var together = Build(Define(Spec(kind), perInput));
        using var apart = Build(Define(Spec(kind), perInput));
        var batch = Batch(3);

        for (var step = 0; step < 3; step++)
        {
            var outputs = together.forward(batch);
            foreach (var (name, output) in outputs)
                ShouldEqual(apart.forward(batch[name], name), output, name);
        }

        var expected = apart.state_dict();
        foreach (var (name, value) in together.state_dict())
            ShouldEqual(value, expected[name], name);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Own_parts_start_equal_to_the_shared_ones_and_the_shared_statistics_stay(string kind, PerInput perInput)
    {
        using var scope = NewDisposeScope();
        using var ordinary = Build(Define(Spec(kind), PerInput.Nothing));
        using var model = Build(Define(Spec(kind), perInput));
        var shared = model.state_dict().Where(pair => pair.Key.StartsWith("base_model", StringComparison.Ordinal)).ToDictionary(p => p.Key, p => p.Value.clone());
        shared.Keys.Should().Equal(ordinary.state_dict().Keys.Where(key => key.StartsWith("base_model", StringComparison.Ordinal)));
        var batch = Batch(4);
        ordinary.eval();
        model.eval();
        ordinary.load_state_dict(model.state_dict().Where(pair => !pair.Key.StartsWith("base_inputs", StringComparison.Ordinal)).ToDictionary());

        foreach (var (name, x) in batch)
            ShouldEqual(model.forward(x, name), ordinary.forward(x, name), name);
        model.train();
        model.forward(batch);

        foreach (var (name, value) in shared)
            ShouldEqual(model.state_dict()[name], value, name);
    }

    [Fact]
    public void Weights_have_the_input_and_the_layer_in_their_names()
    {
        using var model = Build(Define(Bases.ConvNet(4, 6) with { Normalization = Normalization.Batch }, PerInput.Normalization, Adapters.Parallel));

        model.state_dict().Keys.Where(key => key.StartsWith("base_inputs.rgb", StringComparison.Ordinal)).Should().BeEquivalentTo(
            "base_inputs.rgb.stages.0.blocks.0.norm.weight",
            "base_inputs.rgb.stages.0.blocks.0.norm.bias",
            "base_inputs.rgb.stages.0.blocks.0.norm.running_mean",
            "base_inputs.rgb.stages.0.blocks.0.norm.running_var",
            "base_inputs.rgb.stages.0.blocks.0.norm.num_batches_tracked",
            "base_inputs.rgb.stages.0.blocks.0.conv.weight");
        model.state_dict().Keys.Should().Contain("base_model.stages.0.blocks.0.norm.running_mean");
    }

    [Fact]
    public void Scale_and_shift_are_trained_per_input_or_shared()
    {
        using var scope = NewDisposeScope();
        foreach (var perInput in new[] { PerInput.Statistics, PerInput.Normalization })
        {
            using var model = Build(Define(Spec("sequential"), perInput));
            model.forward(Batch(5)["rgb"], "rgb").sum().backward();

            var gradients = model.named_parameters().Where(p => p.parameter.grad is not null).Select(p => p.name).ToArray();
            gradients.Contains("base_model.module.norm.weight").Should().Be(perInput == PerInput.Statistics);
            gradients.Contains("base_inputs.rgb.module.norm.weight").Should().Be(perInput == PerInput.Normalization);
            gradients.Should().NotContain(name => name.Contains("gray"));
        }
    }

    [Fact]
    public void Build_leaves_no_trace_in_the_statistics()
    {
        using var scope = NewDisposeScope();
        using var model = Build(Define(Spec("convnet"), PerInput.Statistics));

        model.training.Should().BeTrue();
        model.modules().Should().OnlyContain(module => module.training);
        foreach (var (name, value) in model.named_buffers())
            ShouldEqual(value, name.EndsWith("var", StringComparison.Ordinal) ? ones_like(value) : zeros_like(value), name);
    }

    [Fact]
    public void Cumulative_statistics_are_the_mean_over_the_batches()
    {
        using var scope = NewDisposeScope();
        var norm = nn.BatchNorm2d(4);
        norm.momentum = null;
        using var model = Build(Define(Bases.From(nn.Sequential(("norm", norm)), 4), PerInput.Statistics));
        var state = model.state_dict();

        var means = Enumerable.Range(0, 3).Select(step =>
        {
            var x = Batch(step)["gray"];
            model.forward(x, "gray");
            return nn.functional.conv2d(x, state["input_projections.gray.conv.weight"], state["input_projections.gray.conv.bias"]).mean([0, 2, 3]);
        }).ToArray();

        ShouldBeClose(state["base_inputs.gray.module.norm.running_mean"], (means[0] + means[1] + means[2]) / 3);
    }

    [Fact]
    public void Normalisation_without_statistics_still_normalises_each_input_by_itself()
    {
        using var scope = NewDisposeScope();
        using var model = Build(Define(Bases.From("untracked", 4, () => nn.Sequential(nn.BatchNorm2d(4, track_running_stats: false))), PerInput.Normalization));
        model.eval();
        var batch = Batch(6);

        var maps = model.forward_features(batch);

        foreach (var map in maps.Values)
            ShouldBeClose(map.mean([0, 2, 3]), zeros(4));
    }

    [Fact]
    public void A_frozen_base_lets_an_input_train_its_own_parts()
    {
        using var scope = NewDisposeScope();
        using var model = Build(Define(Spec("fields"), PerInput.Normalization, Adapters.Series));
        var sharedBase = model.named_children().Single(child => child.name == "base_model").module;
        foreach (var parameter in sharedBase.parameters())
            parameter.requires_grad = false;
        model.train();
        sharedBase.eval();
        var before = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        using var optimizer = optim.SGD(model.parameters().Where(p => p.requires_grad), 0.1);

        for (var step = 0; step < 3; step++)
        {
            optimizer.zero_grad();
            ((TaskHead)model.Head("rgb")).Loss(model.forward(Batch(step)["rgb"], "rgb"), tensor(new long[] { 0, 1, 2, 3, 4, 0, 1 })).backward();
            optimizer.step();
        }

        var changed = model.state_dict().Where(pair => !pair.Value.eq(before[pair.Key]).all().ToBoolean()).Select(pair => pair.Key).ToArray();
        changed.Should().OnlyContain(name => name.Contains(".rgb."));
        changed.Should().Contain(["base_inputs.rgb.module.norm1.running_mean", "base_inputs.rgb.module.norm1.weight", "base_inputs.rgb.module.conv2.weight"]);
    }

    [Theory]
    [InlineData("convnet")]
    [InlineData("fields")]
    public void Several_threads_run_one_model_for_different_inputs(string kind)
    {
        using var model = Build(Define(Spec(kind), PerInput.Normalization));
        using var scope = NewDisposeScope();
        var batch = Batch(7);
        for (var step = 0; step < 5; step++)
            model.forward(batch);
        model.eval();
        var expected = model.forward(batch);

        Parallel.For(0, 40, i =>
        {
            using var inner = NewDisposeScope();
            var name = i % 2 == 0 ? "gray" : "rgb";
            model.forward(batch[name], name).allclose(expected[name]).Should().BeTrue();
        });
    }

    [Fact]
    public void A_saved_model_and_its_JSON_keep_what_is_each_inputs_own()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using var scope = NewDisposeScope();
            using var model = Build(Define(Spec("convnet"), PerInput.Normalization, Adapters.Series));
            model.forward(Batch(8));
            model.eval();
            model.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU);

            loaded.Description.Should().Be(model.Description);
            loaded.Description.Bases[0].PerInput.Should().Be(PerInput.Normalization);
            loaded.Description.Bases[0].Adapters.Should().Be(Adapters.Series);
            model.Description.ToJson().Should().Contain("\"per_input\": \"Normalization\"");
            foreach (var (name, value) in model.state_dict())
                ShouldEqual(loaded.state_dict()[name], value, name);
            foreach (var (name, output) in model.forward(Batch(9)))
                ShouldEqual(loaded.forward(Batch(9)[name], name), output);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Memory_stays_flat(bool training)
    {
        using var model = Build(Define(Spec("fields"), PerInput.Normalization, Adapters.Parallel));
        using var scope = NewDisposeScope();
        var batch = Batch(10);
        using var optimizer = optim.SGD(model.parameters(), 0.01);
        model.train(training);
        long Step()
        {
            using (var inner = NewDisposeScope())
            {
                optimizer.zero_grad();
                var outputs = model.forward(batch);
                (outputs["gray"].sum() + outputs["rgb"].sum()).backward();
                optimizer.step();
            }

            return Tensor.TotalCount;
        }

        var counts = Enumerable.Range(0, 100).Select(_ => Step()).ToArray();

        counts[99].Should().BeLessThanOrEqualTo(counts[9]);
    }

    [Theory]
    [InlineData(Normalization.None)]
    [InlineData(Normalization.Group)]
    [InlineData(Normalization.Layer)]
    public void A_base_without_batch_normalisation_is_refused(Normalization normalization)
    {
        var build = () => Define(Bases.ConvNet(4, 8) with { Normalization = normalization }, PerInput.Statistics).Build(CPU);

        build.Should().Throw<MultiInputException>().WithMessage(
            "Base, base: it keeps its statistics per input, but has no batch normalisation. Omit perInput*Normalization = Normalization.Batch*");
    }

    [Fact]
    public void A_normalisation_that_is_run_past_its_hooks_is_refused()
    {
        var build = () => Define(Bases.From("past", 4, () => new PastCall()), PerInput.Statistics).Build(CPU);

        build.Should().Throw<MultiInputException>().WithMessage(
            "Base, base: its layer 'module.norm' is to have a part for each input, and no map came through its call(...). Run it with call(...) instead of forward(...)*");
    }

    [Fact]
    public void A_base_with_own_parts_is_not_run_without_an_input()
    {
        using var scope = NewDisposeScope();
        using var model = Build(Define(Spec("convnet"), PerInput.Statistics));
        var run = () => ((SharedBase)model.named_children().Single(child => child.name == "base_model").module).call(rand(2, 4, 6, 6));

        run.Should().Throw<MultiInputException>().WithMessage("Base, base: its layer 'stages.0.blocks.0.norm' is specific to each input, but no input is named.*");
        model.forward(Batch(1)).Should().HaveCount(2, "the mistake leaves nothing behind");
    }

    [Fact]
    public void The_parts_of_the_inputs_count_where_a_models_size_is_limited()
    {
        var description = Define(Bases.ConvNet(4, 8) with { Normalization = Normalization.Batch }, PerInput.Normalization, Adapters.Parallel).Describe();
        const int weights = 4 * 1 + 4 * 3 + 9 * 4 * 8 + 2 * (2 * 8 + 4 * 8) + 9 * 8 * (4 + 5);

        using var model = new MultiInputModel(description, CPU, largestModel: weights);
        var refused = () => new MultiInputModel(description, CPU, largestModel: weights - 1);

        refused.Should().Throw<MultiInputException>();
    }

    private sealed class PrivateFields : nn.Module<Tensor, Tensor>
    {
        private readonly Conv2d conv1 = nn.Conv2d(4, 6, kernel_size: 3, padding: 1, bias: false);
        private readonly BatchNorm2d norm1 = nn.BatchNorm2d(6);
        private readonly Conv2d conv2 = nn.Conv2d(6, 6, kernel_size: 3, stride: 2, padding: 1);
        private readonly BatchNorm2d norm2 = nn.BatchNorm2d(6);
        private readonly Linear squeeze = nn.Linear(6, 6);
        private readonly BatchNorm1d norm3 = nn.BatchNorm1d(6);

        public PrivateFields()
            : base(nameof(PrivateFields)) => RegisterComponents();

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            var x = norm2.call(conv2.call(norm1.call(conv1.call(input)).relu_()));
            var gate = norm3.call(squeeze.call(x.mean([2, 3]))).sigmoid();
            return (x * gate.unsqueeze(-1).unsqueeze(-1)).MoveToOuterDisposeScope();
        }
    }

    private sealed class PastCall : nn.Module<Tensor, Tensor>
    {
        private readonly BatchNorm2d norm = nn.BatchNorm2d(4);

        public PastCall()
            : base(nameof(PastCall)) => RegisterComponents();

        public override Tensor forward(Tensor input) => norm.forward(input);
    }
}
