using Microsoft.ML;
using Microsoft.ML.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>Exported models in a pipeline of ML.NET.</summary>
public sealed class MachineLearningTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void A_model_of_images_stands_in_a_pipeline()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 8, 8) with { Mean = [0.5, 0.4, 0.3], StandardDeviation = [0.2, 0.3, 0.4] })
            .Base(Bases.ConvNet(8, 16) with { Normalization = Normalization.Batch })
            .Task("species", Heads.Classification(3) with { ClassNames = ["cat", "dog", "fox"] }, from: ["photo"])
            .Build(CPU, seed: 1);
        model.ExportOnnx(path);
        using var photos = rand(5, 3, 8, 8);
        var context = new MLContext(seed: 1);
        var data = context.Data.LoadFromEnumerable(Enumerable.Range(0, 5).Select(i => new Sample { Id = i, Photo = photos[i].data<float>().ToArray() }));

        var pipeline = context.Transforms.ApplyOnnxModel(["species_probabilities"], ["photo"], path);
        var answers = context.Data.CreateEnumerable<Answer>(pipeline.Fit(data).Transform(data), reuseRowObject: false).ToArray();

        answers.Select(answer => answer.Id).Should().Equal(0, 1, 2, 3, 4);
        foreach (var (answer, expected) in answers.Zip(model.PredictMany("species", photos)))
            Differences(answer.Species, expected.Classes).Max().Should().BeLessThan(1e-5);
    }

    private static IEnumerable<double> Differences(float[] actual, IReadOnlyList<NamedProbability> expected)
    {
        actual.Should().HaveCount(expected.Count);
        return actual.Zip(expected, (number, its) => Math.Abs(number - its.Probability));
    }

    private sealed class Sample
    {
        public int Id { get; set; }

        [ColumnName("photo")]
        [VectorType(3, 8, 8)]
        public float[] Photo { get; set; } = [];
    }

    private sealed class Answer
    {
        public int Id { get; set; }

        [ColumnName("species_probabilities")]
        public float[] Species { get; set; } = [];
    }
}
