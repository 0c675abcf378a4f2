using System.Globalization;
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
        var answers = context.Data.CreateEnumerable<Class>(pipeline.Fit(data).Transform(data), reuseRowObject: false).ToArray();

        answers.Select(answer => answer.Id).Should().Equal(0, 1, 2, 3, 4);
        foreach (var (answer, expected) in answers.Zip(model.PredictMany("species", photos)))
            Differences(answer.Species, expected.Classes).Max().Should().BeLessThan(1e-5);
    }

    [Fact]
    public void A_model_of_images_and_a_table_stands_in_a_pipeline()
    {
        using var model = MultiInputModel.Define()
            .Input("photo", Inputs.Image(3, 8, 8))
            .Input("record", Inputs.Tabular(new NumericColumn("Age") { Fill = 30 }, new CategoricalColumn("Port", ["S", "Q"])))
            .Base(Bases.ConvNet(8, 16))
            .Task("species", Heads.Classification(3), from: ["photo"])
            .Task("weight", Heads.Regression(1) with { Mean = [40], StandardDeviation = [10] }, from: ["photo", "record"])
            .Build(CPU, seed: 1);
        model.ExportOnnx(path);
        using var photos = rand(5, 3, 8, 8);
        float[][] records = [[20, 1], [30, 2], [float.NaN, 0], [50, 1], [60, 2]];
        var context = new MLContext(seed: 1);
        var data = context.Data.LoadFromEnumerable(records.Select((record, i) => new Sample { Id = i, Photo = photos[i].data<float>().ToArray(), Age = record[0], Port = record[1] }));

        // The columns of the table are columns of the data, which the graph takes as one.
        var pipeline = context.Transforms.Concatenate("record", nameof(Sample.Age), nameof(Sample.Port))
            .Append(context.Transforms.ApplyOnnxModel(["species_probabilities", "weight_values"], ["photo", "record"], path));
        var answers = context.Data.CreateEnumerable<Answer>(pipeline.Fit(data).Transform(data), reuseRowObject: false).ToArray();

        var expected = model.PredictBatch(new Dictionary<string, Tensor> { ["photo"] = photos, ["record"] = tensor(records.SelectMany(record => record).ToArray(), 5, 2) });
        answers.Should().HaveCount(5);
        foreach (var (index, answer) in answers.Index())
        {
            Differences(answer.Species, expected["species"][index].Classes).Max().Should().BeLessThan(1e-5);
            answer.Weight.Should().ContainSingle();
            Math.Abs(answer.Weight[0] - expected["weight"][index].Value).Should().BeLessThan(1e-5 * 40);
        }
    }

    [Fact]
    public void Categories_stand_in_a_pipeline_as_text()
    {
        using var model = MultiInputModel.Define()
            .Input("record", Inputs.Tabular(new NumericColumn("Age") { Fill = 30 }, new CategoricalColumn("Port", ["S", "Q"])))
            .Base(Bases.ConvNet(8, 16))
            .Task("species", Heads.Classification(3), from: ["record"])
            .Build(CPU, seed: 1);
        model.ExportOnnx(path, new() { CategoriesAsText = true });
        Record[] records = [new() { Age = 20, Port = "S" }, new() { Age = float.NaN, Port = "Q" }, new() { Age = 40, Port = "elsewhere" }];
        var context = new MLContext(seed: 1);
        var data = context.Data.LoadFromEnumerable(records);

        var pipeline = context.Transforms.ApplyOnnxModel(["species_probabilities"], ["record.Age", "record.Port"], path);
        var answers = context.Data.CreateEnumerable<Class>(pipeline.Fit(data).Transform(data), reuseRowObject: false, ignoreMissingColumns: true).ToArray();

        answers.Should().HaveCount(3);
        foreach (var (answer, record) in answers.Zip(records))
        {
            var age = float.IsNaN(record.Age) ? null : record.Age.ToString(CultureInfo.InvariantCulture);
            var expected = model.Predict("species", new Dictionary<string, string?> { ["Age"] = age, ["Port"] = record.Port });
            Differences(answer.Species, expected.Classes).Max().Should().BeLessThan(1e-5);
        }
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

        public float Age { get; set; }

        public float Port { get; set; }
    }

    private sealed class Record
    {
        [ColumnName("record.Age")]
        public float Age { get; set; }

        [ColumnName("record.Port")]
        public string Port { get; set; } = "";
    }

    private class Class
    {
        public int Id { get; set; }

        [ColumnName("species_probabilities")]
        public float[] Species { get; set; } = [];
    }

    private sealed class Answer : Class
    {
        [ColumnName("weight_values")]
        public float[] Weight { get; set; } = [];
    }
}
