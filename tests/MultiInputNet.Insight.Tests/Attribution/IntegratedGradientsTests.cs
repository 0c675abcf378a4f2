using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>Integrated gradients are complete: over all elements they sum to the difference of outputs.</summary>
public sealed class IntegratedGradientsTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData("photo")]
    [InlineData("gray")]
    [InlineData("wave")]
    [InlineData("text")]
    [InlineData("person")]
    [InlineData("joint")]
    public void They_sum_to_the_difference_of_outputs_for_every_kind_of_input_and_task(string task)
    {
        using var model = TestModels.All();
        var inputs = TestModels.Samples(4).For(task == "joint" ? ["photo", "text", "person"] : [task]);

        ShouldBeComplete(model, task, inputs, target: null);
    }

    [Fact]
    public void They_sum_to_the_difference_of_outputs_for_every_task_of_QuickStart()
    {
        Samples[] all = [.. DataSet.All.Select(data => Samples.Load(data, validate: false))];
        using var model = Models.Shared(all).Build(CPU, seed: 0);
        new Trainer(model, new() { Epochs = 1, StepsPerEpoch = 60 }).Fit([.. all.Select(samples => samples.Training)]);
        model.eval();

        foreach (var (data, _, held) in all)
            ShouldBeComplete(model, data.Name, new() { [data.Name] = held.Inputs[data.Name][..8] }, target: null);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void They_sum_to_the_difference_of_outputs_for_each_value_of_a_regression(long target)
    {
        using var model = TestModels.All();
        ShouldBeComplete(model, "row", TestModels.Samples(4).For("row"), target);
    }

    [Theory]
    [InlineData("average")]
    [InlineData("batch")]
    [InlineData("residual")]
    [InlineData("per input")]
    [InlineData("adapters")]
    [InlineData("mobilenet")]
    [InlineData("convnext")]
    [InlineData("vit")]
    [InlineData("custom")]
    public void They_sum_to_the_difference_of_outputs_for_every_kind_of_base(string kind)
    {
        var builder = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 32, 32) with { Mean = [0.5, 1, -1], StandardDeviation = [2, 0.5, 1] })
            .Input("text", Inputs.Tokens(20, 1024), Projections.Sequence(rows: 32));
        builder = kind switch
        {
            "average" => builder.Base(Bases.ConvNet(6, 8, 12) with { Pooling = Pooling.Average, Activation = Activation.GELU }),
            "batch" => builder.Base(Bases.ConvNet(6, 8, 12) with { Normalization = Normalization.Batch }),
            "residual" => builder.Base(Bases.ConvNet(6, 8, 12) with { Residual = true, Depth = 2 }),
            "per input" => builder.Base(Bases.ConvNet(6, 8, 12) with { Normalization = Normalization.Batch }, perInput: PerInput.Normalization),
            "adapters" => builder.Base(Bases.ConvNet(6, 8, 12), adapters: Adapters.Parallel),
            "mobilenet" => builder.Base(Bases.MobileNetV3Small()),
            "convnext" => builder.Base(Bases.ConvNeXtTiny() with { Depths = [1, 1, 1, 1], Widths = [8, 16, 24, 32] }),
            "vit" => builder.Base(Bases.ViTB16() with { Width = 24, Depth = 2, Heads = 3, PatchSize = 8, ImageSize = 32 }),
            _ => builder.Base(Bases.From("custom", 4, () => nn.Sequential(("conv", nn.Conv2d(4, 8, 3, padding: 1)), ("tanh", nn.Tanh())))),
        };
        using var model = TestModels.Double(builder
            .Task("photo", Heads.Classification(4))
            .Task("text", Heads.Regression(1), fusion: Fusions.GlobalAverage())
            .Build(CPU, seed: 7));
        using var generator = new Generator(3);

        // As after a training: biases are not zero, and normalisations have statistics. Before it, a layer normalisation of the map of
        // zeros that the baseline gives is as good as a step, and deep networks give the same for all samples.
        using (no_grad())
        {
            foreach (var parameter in model.parameters().Where(parameter => parameter.dim() == 1))
                parameter.add_(randn(parameter.shape, ScalarType.Float64, generator: generator), alpha: 0.1);
        }

        model.train();
        for (var pass = 0; pass < 30; pass++)
        {
            using var inner = NewDisposeScope();
            model.forward(new Dictionary<string, Tensor>
            {
                ["photo"] = randn([4, 3, 32, 32], ScalarType.Float64, generator: generator),
                ["text"] = randint(0, 20, [4, 1024], ScalarType.Int64, generator: generator),
            });
        }

        model.eval();
        ShouldBeComplete(model, "photo", new() { ["photo"] = randn([2, 3, 32, 32], ScalarType.Float64, generator: generator) }, null);
        ShouldBeComplete(model, "text", new() { ["text"] = randint(0, 20, [2, 1024], ScalarType.Int64, generator: generator) }, null);
    }

    [Theory]
    [InlineData("concat")]
    [InlineData("sum")]
    [InlineData("attention")]
    public void They_sum_to_the_difference_of_outputs_for_every_fusion_of_several_inputs(string kind)
    {
        using var model = TestModels.All(joint: kind switch
        {
            "concat" => Fusions.Concat(),
            "sum" => Fusions.Sum(),
            _ => Fusions.Attention(heads: 4),
        });
        ShouldBeComplete(model, "joint", TestModels.Samples(3).For("photo", "text", "person"), target: 1);
    }

    [Fact]
    public void They_are_complete_with_baselines_that_are_given()
    {
        using var model = TestModels.All();
        var inputs = TestModels.Samples(3).For("photo", "text", "person");
        var others = TestModels.Samples(3, seed: 2);
        ShouldBeComplete(model, "joint", inputs, 2, new() { ["photo"] = others["photo"], ["text"] = others["text"][0], ["person"] = others["person"].narrow(0, 0, 1) });
    }

    [Theory]
    [InlineData(IntegrationRule.RiemannLeft)]
    [InlineData(IntegrationRule.RiemannRight)]
    [InlineData(IntegrationRule.RiemannMiddle)]
    [InlineData(IntegrationRule.RiemannTrapezoid)]
    public void All_rules_approach_the_same_integral(IntegrationRule rule)
    {
        using var model = TestModels.All();
        var x = TestModels.Samples(2)["wave"];
        var exact = Insight.IntegratedGradients(model, "wave", x, options: new() { Steps = 1000, Tolerance = null });
        Insight.IntegratedGradients(model, "wave", x, options: new() { Steps = 1000, Rule = rule, Tolerance = null }).ShouldEqual(exact, 0.01);
    }

    [Fact]
    public void Nodes_of_a_rule_integrate_polynomials()
    {
        foreach (var rule in Enum.GetValues<IntegrationRule>())
        {
            var nodes = Quadrature.Of(rule, 5);
            nodes.Sum(node => node.Weight).Should().BeApproximately(1, 1e-14);
            nodes.Should().OnlyContain(node => node.Node >= 0 && node.Node <= 1);
        }

        // Exact up to degree 2n - 1.
        Quadrature.Of(IntegrationRule.GaussLegendre, 5).Sum(node => node.Weight * Math.Pow(node.Node, 9)).Should().BeApproximately(0.1, 1e-14);
        Quadrature.Of(IntegrationRule.GaussLegendre, 200).Sum(node => node.Weight * Math.Exp(node.Node)).Should().BeApproximately(Math.E - 1, 1e-13);
        Quadrature.Of(IntegrationRule.GaussLegendre, 1).Should().Equal((0.5, 1));
        Quadrature.Of(IntegrationRule.RiemannTrapezoid, 2).Should().Equal((0, 0.25), (0.5, 0.5), (1, 0.25));
        Quadrature.Of(IntegrationRule.RiemannLeft, 2).Should().Equal((0, 0.5), (0.5, 0.5));
        Quadrature.Of(IntegrationRule.RiemannRight, 2).Should().Equal((0.5, 0.5), (1, 0.5));
    }

    [Fact]
    public void What_the_model_is_told_about_a_missing_number_belongs_to_its_column()
    {
        using var model = TestModels.All();
        var x = tensor(new double[,] { { double.NaN, 0, 30, 0 } });

        // All else is as the baseline, so the column of the missing number takes all of the difference.
        var given = Insight.IntegratedGradients(model, "person", x, target: 1);

        given.isfinite().all().ToBoolean().Should().BeTrue();
        given[0, 0].ToDouble().Should().NotBe(0);
        given.narrow(1, 1, 3).count_nonzero().ToInt64().Should().Be(0);
        Insight.ConvergenceDelta(model, "person", x, given, target: 1).abs().max().ToDouble().Should().BeLessThan(0.01 * Math.Abs(given[0, 0].ToDouble()));
    }

    [Fact]
    public void A_convergence_delta_is_the_sum_less_the_difference_of_outputs()
    {
        using var model = TestModels.All();
        var x = TestModels.Samples(3)["gray"];
        var attribution = ones_like(x);
        var expected = 256 - (model.forward(x, "gray") - model.forward(zeros_like(x), "gray")).select(1, 2);
        Insight.ConvergenceDelta(model, "gray", x, attribution, target: 2).ShouldEqual(expected, 1e-12);
    }

    private static void ShouldBeComplete(
        MultiInputModel model, string task, Dictionary<string, Tensor> inputs, long? target, Dictionary<string, Tensor>? baselines = null)
    {
        var given = Insight.IntegratedGradients(model, task, inputs, target, baselines);
        given.Keys.Should().Equal(inputs.Keys);
        foreach (var (name, x) in inputs)
            given[name].shape.Should().Equal(x.shape, name);
        var total = given.Values.Select(values => values.flatten(1).sum(1)).Aggregate((sum, next) => sum + next);
        var start = new Dictionary<string, Tensor>();
        foreach (var (name, x) in inputs)
        {
            start.Add(name, baselines?.GetValueOrDefault(name) is { } baseline
                ? (baseline.dim() < x.dim() ? baseline.unsqueeze(0) : baseline).expand(x.shape)
                : Start(model, name, x));
        }

        var tokensByDefault = inputs.Any(pair => pair.Value.dtype == ScalarType.Int64) && baselines is null;
        var targets = target is { } named ? full([total.shape[0], 1], named, ScalarType.Int64) : null;
        targets ??= model.forward(inputs, [task])[task].argmax(1, keepdim: true);
        if (tokensByDefault)
            WithoutTokens(model, () => Check(TestModels.Explained(model, task, inputs, targets), () => TestModels.Explained(model, task, start, targets)));
        else
            Check(TestModels.Explained(model, task, inputs, targets), () => TestModels.Explained(model, task, start, targets));

        void Check(Tensor end, Func<Tensor> from)
        {
            var difference = end - from();
            difference.abs().min().ToDouble().Should().BeGreaterThan(1e-9, "otherwise there is nothing to explain");
            ((total - difference).abs() / difference.abs()).max().ToDouble().Should().BeLessThanOrEqualTo(0.0101);
        }
    }

    /// <summary>The documented baseline, made by hand.</summary>
    private static Tensor Start(MultiInputModel model, string name, Tensor x)
    {
        var spec = model.Description.Inputs.First(input => input.Name == name).Spec;
        return spec.Mean is { } mean ? tensor(mean.ToArray()).view([1, -1, .. Enumerable.Repeat(1L, (int)x.dim() - 2)]).expand(x.shape) : zeros_like(x);
    }

    /// <summary>Runs something, the second forward pass of which sees embeddings of zeros.</summary>
    private static void WithoutTokens(MultiInputModel model, Action check)
    {
        var embedding = model.modules().OfType<TorchSharp.Modules.Embedding>().First(embedding => embedding.weight!.shape[0] == 20);
        var passes = 0;
        var hook = embedding.register_forward_hook((_, _, result) => passes++ == 0 ? result : zeros_like(result));
        try
        {
            check();
        }
        finally
        {
            hook.remove();
        }

        passes.Should().Be(2);
    }
}
