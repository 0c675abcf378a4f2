using static TorchSharp.torch;

namespace MultiInputNet.Tests;

/// <summary>Hooks of users: one that looks on sees what is used and changes no value; one that replaces a tensor is obeyed.</summary>
public sealed class HookTests
{
    private static readonly Dictionary<string, BaseSpec> bases = new()
    {
        ["convnet"] = Bases.ConvNet(8, 16, 16) with { Normalization = Normalization.Batch },
        ["plain"] = Bases.ConvNet(8, 16) with { Depth = 2 },
        ["resnet"] = Bases.ResNet18(4),
        ["mobilenet"] = Bases.MobileNetV3Small(4),
        ["vit"] = new VisionTransformerSpec { Channels = 4, Width = 16, Depth = 2, Heads = 2, PatchSize = 8, ImageSize = 16 },
        ["custom"] = Bases.From("custom", 8, () => nn.Sequential(("conv", nn.Conv2d(8, 8, 3L, padding: 1L)), ("norm", nn.BatchNorm2d(8)), ("relu", nn.ReLU()))),
    };

    public static TheoryData<string, PerInput, Adapters, string> Places
    {
        get
        {
            var places = new TheoryData<string, PerInput, Adapters, string>();
            string[] projection = ["input_projections.folded", "input_projections.folded.conv", "input_projections.wide", "base_model"];
            string[] convnet = [.. projection, "base_model.stages.0", "base_model.stages.0.blocks.0", "base_model.stages.0.blocks.0.conv", "base_model.stages.0.blocks.0.norm", "base_model.stages.1"];
            foreach (var place in convnet)
            {
                places.Add("convnet", PerInput.Nothing, Adapters.None, place);
                places.Add("convnet", PerInput.Normalization, Adapters.Parallel, place);
                places.Add("convnet", PerInput.Statistics, Adapters.Series, place);
            }

            foreach (var place in projection.Concat(["base_model.stages.0", "base_model.stages.0.blocks.0.conv"]))
                places.Add("plain", PerInput.Nothing, Adapters.None, place);
            foreach (var place in projection.Concat(["base_model.conv1", "base_model.bn1", "base_model.layer1"]))
                places.Add("resnet", PerInput.Nothing, Adapters.None, place);
            foreach (var place in projection.Concat(["base_model.features.0", "base_model.features.0.0", "base_model.features.0.1"]))
                places.Add("mobilenet", PerInput.Statistics, Adapters.None, place);
            foreach (var place in projection.Concat(["base_model.conv_proj", "base_model.encoder"]))
                places.Add("vit", PerInput.Nothing, Adapters.None, place);
            foreach (var place in projection.Concat(["base_model.module", "base_model.module.conv", "base_model.module.norm"]))
                places.Add("custom", PerInput.Normalization, Adapters.Series, place);
            return places;
        }
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void A_hook_that_looks_on_changes_no_output_no_gradient_and_no_statistic(string kind, PerInput perInput, Adapters adapters, string place)
    {
        using var scope = NewDisposeScope();
        foreach (var stem in new[] { false, kind is not ("custom" or "mobilenet") })
        {
            var expected = Run(stem, hooks: false);
            foreach (var (name, value) in Run(stem, hooks: true))
                value.ShouldBeSame(expected[name], name);
        }

        Dictionary<string, Tensor> Run(bool stem, bool hooks)
        {
            using var model = Build(bases[kind], perInput, adapters, stem);
            var x = Batch(model);
            var seen = 0;
            if (hooks)
            {
                var module = model.Module(place);
                module.register_forward_pre_hook((_, input) =>
                {
                    seen++;
                    input.isfinite().all().ToBoolean().Should().BeTrue();
                    return input;
                });
                module.register_forward_hook((_, input, result) =>
                {
                    (input.isfinite().all().ToBoolean() && result.isfinite().all().ToBoolean()).Should().BeTrue();
                    return result;
                });
                module.register_forward_pre_hook(_ => seen++);
                module.register_forward_hook(_ => seen++);
            }

            var values = new Dictionary<string, Tensor>();
            foreach (var training in new[] { true, false })
            {
                model.train(training);
                model.zero_grad();
                var outputs = model.forward(x);
                outputs.Values.Select(output => output.square().sum()).Aggregate((sum, loss) => sum + loss).backward();
                foreach (var (name, output) in outputs)
                    values[$"{training} {values.Count} output {name}"] = output.detach();
                foreach (var (name, parameter) in model.named_parameters().Where(pair => pair.parameter.grad is not null))
                    values[$"{training} gradient {name}"] = parameter.grad!.clone();
                foreach (var (name, buffer) in model.named_buffers())
                    values[$"{training} {name}"] = buffer.clone();
                values[$"{training} alone"] = model.forward(x["folded"], "folded").detach();
            }

            (seen > 0).Should().Be(hooks);
            return values;
        }
    }

    [Theory]
    [InlineData("plain", "base_model", "base_model.stages.0.blocks.0.conv")]
    [InlineData("plain", "base_model.stages.0", "base_model.stages.0.blocks.0.conv")]
    [InlineData("convnet", "base_model", "base_model.stages.0.blocks.0.conv")]
    [InlineData("resnet", "base_model", "base_model.conv1")]
    public void A_hook_that_runs_the_first_convolution_itself_changes_nothing(string kind, string place, string convolution)
    {
        using var scope = NewDisposeScope();
        using var model = Build(bases[kind]);
        var x = Batch(model);
        var expected = model.forward(x);
        var first = model.Module(convolution);
        var seen = 0;
        model.Module(place).register_forward_pre_hook((_, map) =>
        {
            using var noGrad = no_grad();
            first.call(map).zero_();
            seen++;
            return map;
        });

        foreach (var (task, output) in model.forward(x))
            output.ShouldBeSame(expected[task], task);
        seen.Should().BePositive();
    }

    [Theory]
    [InlineData("convnet")]
    [InlineData("resnet")]
    [InlineData("vit")]
    public void A_hook_can_run_the_stages_of_a_base_that_a_stem_enters(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Build(bases[kind], stem: true);
        model.eval();
        var x = Batch(model);
        var expected = model.forward(x);
        var seen = 0;
        Tensor? before = null;
        var sharedBase = (SharedBase)model.Module("base_model");
        sharedBase.register_forward_pre_hook((_, map) =>
        {
            before = sharedBase.forward_stages(map).Last().Value;
            return map;
        });
        sharedBase.register_forward_hook((_, map, result) =>
        {
            before!.ShouldBeSame(result);
            sharedBase.forward_stages(map).Last().Value.ShouldBeSame(result);
            seen++;
            return result;
        });

        foreach (var (task, output) in model.forward(x))
            output.ShouldBeSame(expected[task], task);
        seen.Should().BePositive();
    }

    [Theory]
    [InlineData("input_projections.folded", false)]
    [InlineData("input_projections.folded.conv", false)]
    [InlineData("base_model", false)]
    [InlineData("base_model.stages.0", false)]
    [InlineData("base_model.stages.0.blocks.0.conv", false)]
    [InlineData("base_model.stages.0.blocks.0.conv", true)]
    public void Hooks_on_the_way_of_a_folded_projection_see_the_map_between_and_the_result_that_is_used(string place, bool withStem)
    {
        using var scope = NewDisposeScope();
        using var model = Build(bases["plain"], stem: withStem);
        var x = Batch(model);
        var seen = new List<(Tensor Input, Tensor Result)>();
        model.Module(place).register_forward_hook((_, input, result) =>
        {
            seen.Add((input.detach().clone().DetachFromDisposeScope(), result.detach().clone().DetachFromDisposeScope()));
            return null!;
        });

        if (withStem)
            model.forward(x);
        else
            model.forward(x["folded"], "folded");

        var state = model.state_dict();
        var projected = Convolved(state, "input_projections.folded.conv", x["folded"]);
        var first = Convolved(state, "base_model.stages.0.blocks.0.conv", projected);
        var (map, output) = seen[0];
        if (place.StartsWith("input", StringComparison.Ordinal))
        {
            map.ShouldEqual(x["folded"], 1e-6);
            output.ShouldEqual(projected, 1e-5);
        }
        else
        {
            map.ShouldEqual(projected, 1e-5);
            output.ShouldEqual(place.EndsWith("conv", StringComparison.Ordinal) ? first : Rest(state, first), 1e-4);
        }

        seen.Should().HaveCount(withStem ? 3 : 1, "the convolution runs for each input that has no stem");
    }

    [Theory]
    [InlineData("input_projections.folded", false, "scaled")]
    [InlineData("input_projections.folded", true, "scaled")]
    [InlineData("input_projections.folded.conv", false, "scaled")]
    [InlineData("input_projections.folded.conv", true, "scaled")]
    [InlineData("input_projections.folded.conv", true, "in place")]
    [InlineData("input_projections.folded", true, "cut")]
    [InlineData("base_model", false, "scaled")]
    [InlineData("base_model", false, "in place")]
    [InlineData("base_model", false, "cut")]
    [InlineData("base_model.stages.0", false, "scaled")]
    [InlineData("base_model.stages.0.blocks.0", false, "cut")]
    [InlineData("base_model.stages.0.blocks.0.conv", false, "scaled")]
    [InlineData("base_model.stages.0.blocks.0.conv", false, "in place")]
    [InlineData("base_model.stages.0.blocks.0.conv", true, "scaled")]
    public void A_hook_that_replaces_a_map_is_obeyed(string place, bool after, string how)
    {
        using var scope = NewDisposeScope();
        using var model = Build(bases["plain"]);
        var x = Batch(model)["folded"];
        Tensor? leaf = null;
        Tensor Replace(Tensor map) => how switch
        {
            "scaled" => map * 2,
            "in place" => map.mul_(2),
            _ => leaf = map.detach().requires_grad_().DetachFromDisposeScope(),
        };
        if (after)
            model.Module(place).register_forward_hook((_, _, result) => Replace(result));
        else
            model.Module(place).register_forward_pre_hook((_, input) => Replace(input));

        var map = model.forward_features(new Dictionary<string, Tensor> { ["folded"] = x.clone() })["folded"];
        map.sum().backward();

        var state = model.state_dict();
        var factor = how == "cut" ? 1 : 2;
        var isFirst = place.EndsWith("blocks.0.conv", StringComparison.Ordinal) && after;
        var isInput = place.StartsWith("input", StringComparison.Ordinal) && !after;
        var projected = Convolved(state, "input_projections.folded.conv", isInput ? x * factor : x) * (isInput || isFirst ? 1 : factor);
        map.ShouldEqual(Rest(state, Convolved(state, "base_model.stages.0.blocks.0.conv", projected) * (isFirst ? factor : 1)), 1e-4);
        if (how == "cut")
        {
            leaf!.grad.Should().NotBeNull("the base runs on the hook's tensor");
            model.named_parameters().Single(pair => pair.name == "input_projections.folded.conv.weight").parameter.grad.Should().BeNull();
        }
    }

    [Theory]
    [InlineData("convnet", false, true)]
    [InlineData("convnet", false, false)]
    [InlineData("custom", false, true)]
    [InlineData("custom", false, false)]
    [InlineData("custom", true, true)]
    [InlineData("custom", true, false)]
    public void A_hook_at_a_normalisation_that_each_input_has_sees_what_goes_in_and_what_is_used(string kind, bool beforeBuild, bool training)
    {
        using var scope = NewDisposeScope();
        var (place, key) = kind == "convnet" ? ("base_model.stages.0.blocks.0", "stages.0.blocks.0") : ("base_model.module", "module");
        (Tensor Input, Tensor Result)? seen = null;
        var modes = new List<bool>();
        Tensor? before = null;
        void Watch(nn.Module<Tensor, Tensor> norm)
        {
            norm.register_forward_pre_hook((_, input) =>
            {
                before = input.detach().clone().DetachFromDisposeScope();
                return input;
            });
            norm.register_forward_hook((module, input, result) =>
            {
                seen = (input.detach().clone().DetachFromDisposeScope(), result.detach().clone().DetachFromDisposeScope());
                modes.Add(module.training);
                return result;
            });
        }

        var spec = !beforeBuild ? bases[kind] : Bases.From("custom", 8, () =>
        {
            var norm = nn.BatchNorm2d(8);
            Watch(norm);
            return nn.Sequential(("conv", nn.Conv2d(8, 8, 3L, padding: 1L)), ("norm", norm), ("relu", nn.ReLU()));
        });
        using var model = Build(spec, PerInput.Statistics);
        if (!beforeBuild)
            Watch(model.Module($"{place}.norm"));
        model.train(training);
        var x = Batch(model)["folded"];
        modes.Clear();

        model.forward(x, "folded");

        var state = model.state_dict();
        var convolved = Convolved(state, $"{place}.conv", Convolved(state, "input_projections.folded.conv", x));
        var (input, result) = seen!.Value;
        before!.ShouldEqual(convolved, 1e-4);
        input.ShouldEqual(convolved, 1e-4);
        result.ShouldEqual(
            training
                ? (convolved - convolved.mean([0, 2, 3], keepdim: true)) / (convolved.var([0, 2, 3], unbiased: false, keepdim: true) + 1e-5).sqrt()
                : convolved / Math.Sqrt(1 + 1e-5),
            1e-3);
        modes.Should().Equal(training);
        state[$"{place}.norm.num_batches_tracked"].ToInt64().Should().Be(0);
        state[$"{place}.norm.running_mean"].count_nonzero().ToInt64().Should().Be(0, "the shared statistics stay");
        state[$"base_inputs.folded.{key}.norm.num_batches_tracked"].ToInt64().Should().Be(training ? 1 : 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_hook_at_a_normalisation_that_each_input_has_is_obeyed(bool after)
    {
        using var scope = NewDisposeScope();
        using var model = Build(bases["custom"], PerInput.Normalization);
        model.eval();
        if (after)
            model.Module("base_model.module.norm").register_forward_hook((_, _, result) => result * 3);
        else
            model.Module("base_model.module.norm").register_forward_pre_hook((_, input) => input * 3);
        var x = Batch(model)["folded"];

        var map = model.forward_features(new Dictionary<string, Tensor> { ["folded"] = x })["folded"];

        var state = model.state_dict();
        map.ShouldEqual((Convolved(state, "base_model.module.conv", Convolved(state, "input_projections.folded.conv", x)) * 3 / Math.Sqrt(1 + 1e-5)).relu(), 1e-4);
    }

    [Fact]
    public void A_hook_that_throws_at_a_normalisation_leaves_modes_and_statistics_as_they_were()
    {
        using var scope = NewDisposeScope();
        using var model = Build(bases["custom"], PerInput.Normalization);
        var before = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        var hook = model.Module("base_model.module.norm").register_forward_pre_hook((_, _) => throw new InvalidOperationException("no"));

        FluentActions.Invoking(() => model.forward(Batch(model)["folded"], "folded")).Should().Throw<InvalidOperationException>();

        model.modules().Should().OnlyContain(module => module.training);
        foreach (var (name, value) in model.state_dict())
            value.ShouldBeSame(before[name], name);
        hook.remove();
        model.forward(Batch(model)["folded"], "folded");
    }

    [Fact]
    public void A_hook_of_the_factory_at_a_convolution_sees_and_decides_what_is_used()
    {
        using var scope = NewDisposeScope();
        Tensor? seen = null;
        using var model = Build(
            Bases.From("hooked", 8, () =>
            {
                var conv = nn.Conv2d(8, 4, 3L, padding: 1L);
                conv.register_forward_hook((_, _, result) =>
                {
                    seen = result.detach().clone().DetachFromDisposeScope();
                    return result * 2;
                });
                return conv;
            }),
            adapters: Adapters.Series);
        using (no_grad())
            nn.init.normal_(model.named_parameters().Single(pair => pair.name == "base_inputs.folded.module.weight").parameter);
        var x = Batch(model)["folded"];

        var map = model.forward_features(new Dictionary<string, Tensor> { ["folded"] = x })["folded"];

        var state = model.state_dict();
        var convolved = Convolved(state, "base_model.module", Convolved(state, "input_projections.folded.conv", x));
        var adapted = convolved + nn.functional.conv2d(convolved, state["base_inputs.folded.module.weight"]);
        seen!.ShouldEqual(adapted, 1e-4);
        map.ShouldEqual(adapted * 2, 1e-4);
    }

    private static Tensor Rest(Dictionary<string, Tensor> state, Tensor first) =>
        nn.functional.max_pool2d(Convolved(state, "base_model.stages.0.blocks.1.conv", first.relu()).relu(), kernel_size: 2);

    private static Tensor Convolved(Dictionary<string, Tensor> state, string key, Tensor map) => nn.functional.conv2d(
        map, state[$"{key}.weight"], state[$"{key}.bias"], padding: [state[$"{key}.weight"].shape[2] / 2, state[$"{key}.weight"].shape[3] / 2]);

    private static Dictionary<string, Tensor> Batch(MultiInputModel model)
    {
        random.manual_seed(4);
        return model.Description.Inputs.ToDictionary(input => input.Name, input => randn([2 + input.Name.Length % 2, .. input.Spec.Shape]));
    }

    private static MultiInputModel Build(BaseSpec sharedBase, PerInput perInput = PerInput.Nothing, Adapters adapters = Adapters.None, bool stem = false)
    {
        random.manual_seed(3);
        var builder = MultiInputModel.Define()
            .Input("folded", Inputs.Image(3, 16, 16), Projections.Convolution()).Input("gray", Inputs.Image(1, 16, 16)).Input("wide", Inputs.Image(12, 16, 16))
            .Base(sharedBase, perInput: perInput, adapters: adapters).Fusion(Fusions.GlobalAverage())
            .Task("folded", Heads.Regression(1)).Task("gray", Heads.Regression(1)).Task("wide", Heads.Regression(1));
        if (stem)
            builder.Input("stem", Inputs.Image(6, 16, 16), Projections.AdaptedStem()).Task("stem", Heads.Regression(1));
        return builder.Build(CPU);
    }
}

file static class ModelExtensions
{
    public static nn.Module<Tensor, Tensor> Module(this MultiInputModel model, string name) =>
        (nn.Module<Tensor, Tensor>)model.named_modules().First(pair => pair.name == name).module;
}
