using System.Text.Json;
using MultiInputNet.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests.Sharing;

/// <summary>Models of several inputs, samples for them, and numbers of the fixture.</summary>
internal static class SharingProblem
{
    /// <summary>Two unrelated inputs, batch normalisation, dropout and a regression: all that a measurement could disturb.</summary>
    public static MultiInputModel Build(ScalarType type = ScalarType.Float32)
    {
        var model = MultiInputModel.Define()
            .Input("image", Inputs.Image(2, 6, 6), Projections.Convolution(Normalization.Group, Activation.ReLU))
            .Input("table", Inputs.Tabular(5))
            .Base(Bases.ConvNet(6, 8, 12) with { Normalization = Normalization.Batch })
            .Task("image", Heads.Classification(3, labelSmoothing: 0.1, dropout: 0.2), fusion: Fusions.GlobalAverage())
            .Task("table", Heads.Regression(1, dropout: 0.1))
            .Build(CPU, seed: 1);
        model.to(type);
        return model;
    }

    public static TensorSource[] Sources(int count = 60)
    {
        using var generator = new Generator(7);
        var images = randn([count, 2, 6, 6], generator: generator);
        var rows = randn([count * 2, 5], generator: generator);
        var labels = (images.mean([1, 2, 3]) * 8).clamp(-1, 1).round().to(ScalarType.Int64) + 1;
        labels[..5] = tensor(-1L);
        return
        [
            new("image", images, labels) { BatchSize = 16 },
            new("table", rows, rows[.., ..1] * 3 - rows[.., 1..2] + 100) { BatchSize = 24 },
        ];
    }

    /// <summary>Two tasks of one input, without anything random.</summary>
    public static MultiInputModel BuildTwins(Normalization normalization = Normalization.None, string[]? tasks = null)
    {
        var builder = MultiInputModel.Define().Input("x", Inputs.Tabular(6)).Base(Bases.ConvNet(4, 8) with { Normalization = normalization });
        foreach (var task in tasks ?? ["a", "b"])
            builder = builder.Task(task, Heads.Classification(2), from: ["x"]);
        return builder.Build(CPU, seed: 3);
    }

    /// <summary>Samples of "x" for tasks "a" and "b".</summary>
    /// <param name="opposed">Whether what is class 1 for one is class 0 for the other.</param>
    /// <param name="count">The number of samples.</param>
    public static TensorSource Twins(bool opposed, int count = 64)
    {
        using var generator = new Generator(2);
        var x = randn([count, 6], generator: generator);
        var a = (x[.., 0] > 0).to(ScalarType.Int64);
        return new("twins", new Dictionary<string, Tensor> { ["x"] = x }, new Dictionary<string, Tensor> { ["a"] = a, ["b"] = opposed ? 1 - a : a.clone() }) { BatchSize = 16 };
    }

    /// <summary>Copies the weights of one task's head to another's.</summary>
    public static void CopyHead(this MultiInputModel model, string from, string to)
    {
        using var noGrad = no_grad();
        foreach (var (source, target) in model.Head(from).parameters().Zip(model.Head(to).parameters()))
            target.copy_(source);
    }

    /// <summary>Numbers that NumPy, scikit-learn or PyTorch computed; the script of the same name wrote them.</summary>
    public static JsonElement Fixture(string name = "sharing") =>
        JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.json"))).RootElement;

    public static Tensor Vector(this JsonElement fixture, string name) => tensor(fixture.GetProperty(name).EnumerateArray().Select(number => number.GetDouble()).ToArray());

    public static Tensor Matrix(this JsonElement fixture, string name)
    {
        var rows = fixture.GetProperty(name).EnumerateArray().Select(row => row.EnumerateArray().Select(number => number.GetDouble()).ToArray()).ToArray();
        return tensor(rows.SelectMany(row => row).ToArray()).view(rows.Length, -1);
    }

    public static double Number(this JsonElement fixture, string name) => fixture.GetProperty(name).GetDouble();
}
