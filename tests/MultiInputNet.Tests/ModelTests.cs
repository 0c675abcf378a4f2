using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class ModelTests
{
    [Fact]
    public void Tasks_and_heads_are_found_by_name_as_the_kind_that_they_are()
    {
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Tabular(3))
            .Base(Bases.ConvNet(2))
            .Task("a", new ClassificationSpec(2) { ClassNames = ["no", "yes"] })
            .Task("b", Heads.Regression(1), from: ["a"])
            .Build(CPU);

        model.Description.Task("b").From.Should().Equal("a");
        model.Description.Task<ClassificationSpec>("a").ClassNames.Should().Equal("no", "yes");
        model.Head<TaskHead>("a").Should().BeSameAs(model.Head("a"));
        model.Head<RegressionHead>("b").Outputs.Should().Be(1);
        model.Invoking(m => m.Description.Task("c")).Should().Throw<MultiInputException>().WithMessage("Task 'c'*Its tasks are 'a', 'b'.");
        model.Invoking(m => m.Description.Task<ClassificationSpec>("b")).Should().Throw<MultiInputException>().WithMessage("Task 'b'*its head is a RegressionSpec, not a ClassificationSpec.*");
        model.Invoking(m => m.Head<ClassificationHead>("b")).Should().Throw<MultiInputException>().WithMessage("Task 'b', head: its head is a RegressionHead, not a ClassificationHead.*");
        model.Invoking(m => m.Head<TaskHead>("c")).Should().Throw<MultiInputException>();
    }

    [Fact]
    public void Build_leaves_no_trace()
    {
        using var scope = NewDisposeScope();
        var (norm, dropout) = (nn.BatchNorm2d(6), nn.Dropout(0.5));
        var sharedBase = nn.Sequential(nn.Conv2d(4, 6, kernel_size: 3L), norm, dropout);
        dropout.eval();
        var before = sharedBase.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        var builder = MultiInputModel.Define().Input("a", Inputs.Image(4, 8, 8), Projections.From("own", (_, _) => nn.Identity()))
            .Base(Bases.From(sharedBase, channels: 4)).Task("a", Heads.From("own", _ => nn.Identity()));
        random.manual_seed(5);
        var expected = rand(3);
        random.manual_seed(5);

        using var model = builder.Build(CPU);

        rand(3).ShouldBeSame(expected, "the random state is as before");
        sharedBase.training.Should().BeTrue();
        norm.training.Should().BeTrue();
        dropout.training.Should().BeFalse("the part that was in evaluation mode stays there");
        foreach (var (key, value) in sharedBase.state_dict())
            value.ShouldBeSame(before[key], key);
        sharedBase.parameters().Select(parameter => parameter.grad).Should().AllSatisfy(gradient => gradient.Should().BeNull());
        is_grad_enabled().Should().BeTrue();
    }

    [Fact]
    public void A_module_of_ones_own_can_stand_at_every_place()
    {
        using var scope = NewDisposeScope();
        var factories = new Dictionary<string, Delegate>
        {
            ["flat"] = (Func<InputSpec, int, nn.Module<Tensor, Tensor>>)((input, channels) => nn.Sequential(nn.Linear(input.Shape[0], channels), nn.Unflatten(1, [channels, 1, 1]))),
            ["mix"] = (Func<nn.Module<Tensor, Tensor>>)(() => nn.Conv2d(4, 6, kernel_size: 1L)),
            ["last"] = (Func<MapShape, nn.Module<Tensor, Tensor>>)(map => nn.Sequential(nn.Flatten(), nn.Linear(map.Count, 2))),
            ["plain"] = (Func<int, nn.Module<Tensor, Tensor>>)(features => nn.Linear(features, 3)),
        };
        var description = MultiInputModel.Define()
            .Input("a", Inputs.Tabular(5), Projections.From("flat", (Func<InputSpec, int, nn.Module<Tensor, Tensor>>)factories["flat"]))
            .Base(Bases.From("mix", 4, (Func<nn.Module<Tensor, Tensor>>)factories["mix"]))
            .Fusion(Fusions.From("last", (Func<MapShape, nn.Module<Tensor, Tensor>>)factories["last"]))
            .Task("a", Heads.From("plain", (Func<int, nn.Module<Tensor, Tensor>>)factories["plain"]))
            .Describe();
        using var model = description.Build(CPU);
        model.forward(randn(2, 5), "a").shape.Should().Equal(2, 3);
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            model.Save(path);
            using var loaded = MultiInputModel.Load(path, CPU, factories);
            var x = randn(2, 5);
            loaded.forward(x, "a").ShouldBeSame(model.forward(x, "a"));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Every_option_of_a_description_survives_JSON()
    {
        var description = MultiInputModel.Define()
            .Input("image", Inputs.Image(2, 9, 9) with { Mean = [1, 2.5f], StandardDeviation = [3, 4] }, Projections.Convolution(Normalization.Layer, Activation.GELU))
            .Input("sequence", Inputs.Sequence(2, 30), Projections.Sequence(kernelSize: 5, stride: 2, rows: 3, Normalization.Batch, Activation.Tanh))
            .Input("tokens", Inputs.Tokens(40, 12))
            .Input("table", Inputs.Tabular(3), Projections.Tabular(2, 5, Normalization.Group, Activation.LeakyReLU))
            .Base(Bases.ConvNet(8, 16, 24) with { Depth = 2, Normalization = Normalization.Group, Activation = Activation.SiLU, Pooling = Pooling.Average, Residual = true })
            .Base(Bases.ConvNet(5, 24), inputs: ["table", "tokens"])
            .Fusion(Fusions.GlobalMax())
            .Task("image", Heads.Classification(3, labelSmoothing: 0.1, hidden: 7, dropout: 0.2) with { ClassNames = ["a", "b", "ç\"<"] })
            .Task("tags", Heads.MultiLabel(4, hidden: 3), from: ["table"], fusion: Fusions.Attention(3, dropout: 0.25))
            .Task("joint", Heads.Regression(2), from: ["image", "table", "tokens"], fusion: Fusions.Mean(Fusions.GlobalAverage()))
            .Task("concat", Heads.Regression(2), from: ["image", "sequence"], fusion: Fusions.Concat(Fusions.GlobalMax()))
            .Task("sum", Heads.Regression(2), from: ["image", "sequence"], fusion: Fusions.Sum(Fusions.GlobalAverage()))
            .Describe();

        var read = ModelDescription.FromJson(description.ToJson());

        read.Should().Be(description);
        read.GetHashCode().Should().Be(description.GetHashCode());
        using var model = read.Build(CPU);
        model.Summary().Should().ContainAll("image", "sequence", "tokens", "tabular", "joint", "serves tokens, table");
        model.state_dict().Keys.Should().Contain(
            "input_standardizations.image.mean", "input_projections.table.linear.weight", "base_model.stages.0.blocks.1.conv.weight",
            "input_bases.table.stages.0.blocks.0.conv.weight", "fusions.tags.in_proj_weight", "output_layers.image.layers.hidden.weight");
    }

    [Fact]
    public void Inputs_with_a_base_of_their_own_share_it_among_themselves_only()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(1, 8, 8)).Input("b", Inputs.Image(1, 8, 8)).Input("c", Inputs.Image(1, 8, 8))
            .Base(Bases.ConvNet(4, 8))
            .Base(Bases.ConvNet(4, 8), inputs: ["b", "c"])
            .Task("a", Heads.Classification(2)).Task("b", Heads.Classification(2)).Task("c", Heads.Classification(2))
            .Build(CPU);
        var gradients = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter);

        model.forward(randn(2, 1, 8, 8), "c").sum().backward();

        gradients["base_model.stages.0.blocks.0.conv.weight"].grad.Should().BeNull();
        gradients["input_bases.b.stages.0.blocks.0.conv.weight"].grad!.abs().sum().ToDouble().Should().BePositive();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Several_inputs_at_once_have_the_gradients_of_one_by_one(bool merges)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 12, 12)).Input("rgb", Inputs.Image(3, 12, 12)).Input("small", Inputs.Image(3, 7, 7))
            .Base(Bases.ConvNet(8, 16, 16) with { Normalization = Normalization.Group })
            .Task("gray", Heads.Classification(4)).Task("rgb", Heads.Classification(5)).Task("small", Heads.Classification(6))
            .Build(CPU);
        model.MergesInputs = merges;
        var batch = new Dictionary<string, Tensor> { ["gray"] = randn(3, 1, 12, 12), ["rgb"] = randn(7, 3, 12, 12), ["small"] = randn(2, 3, 7, 7) };

        foreach (var (name, input) in batch)
            model.forward(input, name).square().sum().backward();
        var expected = model.named_parameters().ToDictionary(pair => pair.name, pair => pair.parameter.grad!.clone());
        model.zero_grad();
        model.forward(batch).Values.Aggregate(zeros([]), (sum, output) => sum + output.square().sum()).backward();

        foreach (var (name, parameter) in model.named_parameters())
            parameter.grad!.ShouldEqual(expected[name], 1e-5, name);
        var maps = model.forward_features(batch);
        maps["gray"].shape.Should().Equal(3, 16, 3, 3);
        maps["small"].shape.Should().Equal(2, 16, 2, 2);
    }

    [Fact]
    public void The_base_runs_once_for_maps_of_one_size()
    {
        using var scope = NewDisposeScope();
        var runs = new List<long>();
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 12, 12)).Input("rgb", Inputs.Image(3, 12, 12)).Input("small", Inputs.Image(3, 7, 7))
            .Base(Bases.From("counted", 4, () =>
            {
                var conv = nn.Conv2d(4, 4, kernel_size: 1L);
                conv.register_forward_hook((_, input, _) =>
                {
                    runs.Add(input.shape[0]);
                    return null!;
                });
                return conv;
            }))
            .Task("gray", Heads.Classification(4)).Task("rgb", Heads.Classification(5)).Task("small", Heads.Classification(6))
            .Build(CPU);
        runs.Clear();

        model.forward(new Dictionary<string, Tensor> { ["gray"] = randn(3, 1, 12, 12), ["small"] = randn(2, 3, 7, 7), ["rgb"] = randn(7, 3, 12, 12) });

        runs.Should().Equal(10, 2);
    }

    [Fact]
    public void A_model_is_converted_like_any_module()
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define()
            .Input("rgb", Inputs.Image(3, 16, 16) with { Mean = [0.5f, 0.5f, 0.5f], StandardDeviation = [0.2f, 0.2f, 0.2f] })
            .Input("bands", Inputs.Image(5, 16, 16), Projections.AdaptedStem(shared: true))
            .Input("table", Inputs.Tabular(7))
            .Input("text", Inputs.Tokens(vocabulary: 9, length: 12))
            .Base(Bases.ConvNet(4, 8) with { Normalization = Normalization.Batch }, perInput: PerInput.Normalization, adapters: Adapters.Series)
            .Fusion(Fusions.Attention(2))
            .Task("rgb", Heads.Classification(3)).Task("bands", Heads.Regression(2)).Task("table", Heads.MultiLabel(4)).Task("text", Heads.Classification(2))
            .Build(CPU);
        model.eval();
        var batch = new Dictionary<string, Tensor> { ["rgb"] = rand(2, 3, 16, 16), ["bands"] = rand(2, 5, 16, 16), ["table"] = rand(2, 7), ["text"] = randint(9, [2, 12], int64) };
        var single = model.forward(batch).ToDictionary(output => output.Key, output => output.Value.detach());

        model.to(float64);
        var converted = model.forward(batch.ToDictionary(input => input.Key, input => input.Value.is_integral() ? input.Value : input.Value.to(float64)));

        foreach (var (task, output) in converted)
        {
            output.dtype.Should().Be(float64, task);
            output.to(float32).ShouldEqual(single[task], 1e-5, task);
        }

        using (var grown = model.Grow(add => add.Task("more", Heads.Regression(1), from: ["rgb"])))
            grown.forward(batch["rgb"].to(float64), "rgb").ShouldBeSame(converted["rgb"]);

        model.to(float32);
        foreach (var (task, output) in model.forward(batch))
            output.ShouldBeSame(single[task], task);
    }

    // The device of tensors without values stands for the GPU that tests do without.
    [Fact]
    public void A_model_that_was_built_on_another_device_knows_that_it_can_be_moved()
    {
        using var model = MultiInputModel.Define().Input("a", Inputs.Image(3, 8, 8)).Base(Bases.From("same", 4, () => nn.Identity())).Task("a", Heads.Classification(2)).Build(META);
        model.Device.type.Should().Be(DeviceType.META);

        FluentActions.Invoking(() => model.to(CPU)).Should().Throw<Exception>().WithMessage("*meta*");
    }

    [Fact]
    public void MACs_and_parameters_are_counted_exactly()
    {
        using var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 8, 8))
            .Base(Bases.ConvNet(4, 8))
            .Task("a", Heads.Classification(5), fusion: Fusions.Attention(2))
            .Build(CPU);

        // 1×1 convolution, 3×3 convolution; three projections, scores and values over 16 positions, output projection; linear.
        var macs = 3 * 4 * 64 + 9 * 4 * 8 * 64;
        var taskMacs = 3 * 16 * 8 * 8 + 2 * 16 * 16 * 8 + 8 * 8 + 8 * 5;
        var parameters = 3 * 4 + 4 + 9 * 4 * 8 + 8 + 4 * (8 * 8 + 8) + 8 * 5 + 5;
        model.Summary().Should().Contain($"{macs:N0}").And.Contain($"{taskMacs:N0}").And.Contain($"total: {parameters:N0} parameters on cpu");
    }
}
