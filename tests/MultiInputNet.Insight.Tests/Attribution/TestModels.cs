using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Attribution;

/// <summary>Small models of every kind, with weights that a seed decides, in double precision.</summary>
internal static class TestModels
{
    public static readonly TabularColumn[] Columns =
    [
        new NumericColumn("age") { Fill = 40, MissingIndicator = true },
        new CategoricalColumn("port", ["C", "Q", "S"]),
        new NumericColumn("fare") { Fill = 30 },
        new CategoricalColumn("deck", ["A", "B"]) { EmbeddingWidth = 3 },
    ];

    /// <summary>One model with every kind of input and of task.</summary>
    public static MultiInputModel All(BaseSpec? shared = null, FusionSpec? joint = null) => Double(MultiInputModel.Define()
        .Input("photo", Inputs.Image(3, 16, 16) with { Mean = [0.5, 1, -1], StandardDeviation = [2, 0.5, 1] })
        .Input("gray", Inputs.Image(1, 16, 16))
        .Input("wave", Inputs.Sequence(2, 50), Projections.Sequence(kernelSize: 5, stride: 2))
        .Input("text", Inputs.Tokens(vocabulary: 20, length: 30))
        .Input("row", Inputs.Tabular(5) with { Mean = [1, 2, 3, 4, 5], StandardDeviation = [1, 2, 3, 4, 5] })
        .Input("person", Inputs.Tabular(Columns) with { Mean = [40, 0, 30, 0], StandardDeviation = [10, 1, 20, 1] })
        .Base(shared ?? Bases.ConvNet(8, 12, 16))
        .Task("photo", Heads.Classification(4))
        .Task("gray", Heads.MultiLabel(3), fusion: Fusions.GlobalAverage())
        .Task("wave", Heads.Regression(1, hidden: 8))
        .Task("text", Heads.Classification(3), fusion: Fusions.GlobalMax())
        .Task("row", Heads.Regression(2))
        .Task("person", Heads.Classification(2, hidden: 8))
        .Task("joint", Heads.Classification(3), from: ["photo", "text", "person"], fusion: joint ?? Fusions.Mean())
        .Build(CPU, seed: 5));

    /// <summary>Weights and statistics in double precision, with embeddings of unknown categories that are not zero.</summary>
    public static MultiInputModel Double(MultiInputModel model)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        model.to(ScalarType.Float64);
        foreach (var head in model.modules().OfType<RegressionHead>())
            head.SetTargetStatistics([.. Enumerable.Repeat(100.0, head.Outputs)], [.. Enumerable.Repeat(7.0, head.Outputs)]);
        model.eval();
        return model;
    }

    public static Dictionary<string, Tensor> Samples(int count, int seed = 1)
    {
        using var generator = new Generator((ulong)seed);
        Tensor Normal(params long[] shape) => randn(shape, ScalarType.Float64, generator: generator);
        var person = cat(
            [
                Normal(count, 1) * 10 + 45,
                randint(0, 4, [count, 1], ScalarType.Float64, generator: generator),
                Normal(count, 1) * 20 + 35,
                randint(0, 3, [count, 1], ScalarType.Float64, generator: generator),
            ],
            1);
        person[0, 0] = double.NaN;
        return new()
        {
            ["photo"] = Normal(count, 3, 16, 16) + 0.3,
            ["gray"] = Normal(count, 1, 16, 16) + 0.5,
            ["wave"] = Normal(count, 2, 50),
            ["text"] = randint(0, 20, [count, 30], ScalarType.Int64, generator: generator),
            ["row"] = Normal(count, 5) * 3 + 2,
            ["person"] = person,
        };
    }

    public static Dictionary<string, Tensor> For(this Dictionary<string, Tensor> samples, params string[] names) => names.ToDictionary(name => name, name => samples[name]);

    /// <summary>Asserts that two tensors are equal to a part of the expected one's largest value.</summary>
    public static void ShouldEqual(this Tensor actual, Tensor expected, double tolerance, string because = "")
    {
        using var scope = NewDisposeScope();
        actual.shape.Should().Equal(expected.shape, because);
        var difference = (actual.detach() - expected).abs().max().ToDouble();
        (difference / Math.Max(expected.abs().max().ToDouble(), 1e-30)).Should().BeLessThan(tolerance, because);
    }

    /// <summary>The output of a task that is explained by default.</summary>
    public static Tensor Explained(MultiInputModel model, string task, IReadOnlyDictionary<string, Tensor> inputs, Tensor? targets = null)
    {
        using var noGrad = no_grad();
        var output = model.forward(inputs, [task])[task];
        return output.gather(1, targets ?? output.argmax(1, keepdim: true)).squeeze(1);
    }
}
