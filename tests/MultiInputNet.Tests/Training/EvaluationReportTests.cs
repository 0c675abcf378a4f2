using System.Text.Json;
using MultiInputNet.Data;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using static MultiInputNet.Tests.Data.TemporaryFolder;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>What <c>Trainer.Evaluate</c> finds is what scikit-learn finds (Fixtures/evaluation.py), or what follows by hand.</summary>
public sealed class EvaluationReportTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    [Theory]
    [InlineData(null)]
    [InlineData(7)]
    public void A_classification_has_the_scores_of_scikit_learn(int? batchSize)
    {
        var expected = Read("classification");
        var labels = tensor(expected.GetProperty("label").EnumerateArray().Select(label => label.GetInt64()).ToArray());
        using var model = Model(Heads.Classification(5) with { ClassNames = ["a", "b", "c", "d", "e"] });

        var result = new Trainer(model, new() { EvaluationBatchSize = batchSize }).Evaluate([Source(expected, labels)])["x"];

        result.Classes.Select(its => its.Name).Should().Equal("a", "b", "c", "d", "e");
        var scores = expected.GetProperty("scores");
        result.Classes.Select(its => its.Precision).ShouldEqual(scores.GetProperty("precision"));
        result.Classes.Select(its => its.Recall).ShouldEqual(scores.GetProperty("recall"));
        result.Classes.Select(its => its.F1).ShouldEqual(scores.GetProperty("f1"));
        result.Classes.Select(its => (double)its.Support).ShouldEqual(scores.GetProperty("support"));
        result.Classes.Should().OnlyContain(its => its.Count == result.Count && its.Calibration == null);
        var confusion = expected.GetProperty("confusion").EnumerateArray().SelectMany((row, label) => row.EnumerateArray().Select((count, prediction) => (Label: label, Prediction: prediction, Count: count.GetInt64())));
        result.Confusions.Select(cell => (cell.Label, cell.Prediction, cell.Count)).Should().Equal(confusion.Where(cell => cell.Count > 0));
        ShouldBe(result.Calibration!, expected.GetProperty("calibration"));
        result.Metrics["accuracy"].Should().BeApproximately(expected.GetProperty("accuracy").GetDouble(), 1e-12);
        result.Metrics["balanced_accuracy"].Should().BeApproximately(expected.GetProperty("balanced_accuracy").GetDouble(), 1e-12);
        result.Metrics["calibration_error"].Should().Be(result.Calibration!.Error);
        result.Predictions.Should().BeEmpty("nobody asked for them");
        result.Outputs.Should().BeEmpty();
    }

    [Fact]
    public void Each_label_has_the_scores_of_scikit_learn()
    {
        var expected = Read("multi_label");
        using var model = Model(Heads.MultiLabel(4));

        var result = new Trainer(model).Evaluate([Source(expected, Matrix(expected.GetProperty("label")))])["x"];

        var each = expected.GetProperty("each").EnumerateArray().ToArray();
        result.Classes.Should().HaveCount(4);
        foreach (var (found, known) in result.Classes.Zip(each))
        {
            var scores = known.GetProperty("scores");
            found.Count.Should().Be(known.GetProperty("count").GetInt64());
            found.Support.Should().Be(scores.GetProperty("support").GetInt64());
            new[] { found.Precision, found.Recall, found.F1 }.ShouldEqual([scores.GetProperty("precision"), scores.GetProperty("recall"), scores.GetProperty("f1")]);
            ShouldBe(found.Calibration!, known.GetProperty("calibration"));
        }

        ShouldBe(result.Calibration!, expected.GetProperty("calibration"));
        result.Metrics["micro_f1"].Should().BeApproximately(expected.GetProperty("micro_f1").GetDouble(), 1e-12);
        result.Metrics["macro_f1"].Should().BeApproximately(each.Select(known => known.GetProperty("scores").GetProperty("f1")).Where(f1 => f1.ValueKind == JsonValueKind.Number).Average(f1 => f1.GetDouble()), 1e-12);
        result.Confusions.Should().BeEmpty();
    }

    [Fact]
    public void Each_output_has_the_errors_of_scikit_learn()
    {
        var expected = Read("regression");
        using var model = Model(Heads.Regression(3));

        var result = new Trainer(model).Evaluate([Source(expected, Matrix(expected.GetProperty("label")))])["x"];

        foreach (var (found, known) in result.Outputs.Zip(expected.GetProperty("each").EnumerateArray()))
        {
            found.Count.Should().Be(known.GetProperty("count").GetInt64());
            found.MeanError.Should().BeApproximately(known.GetProperty("mean_error").GetDouble(), 1e-9);
            found.Mae.Should().BeApproximately(known.GetProperty("mae").GetDouble(), 1e-9);
            found.Rmse.Should().BeApproximately(known.GetProperty("rmse").GetDouble(), 1e-9);
            found.R2.Should().BeApproximately(known.GetProperty("r2").GetDouble(), 1e-9);
        }

        result.Outputs.Should().HaveCount(3);
        result.Outputs.Average(output => output.R2).Should().BeApproximately(result.Metrics["r2"], 1e-12);
        (result.Classes.Count, result.Calibration).Should().Be((0, null));
        result.Metrics.Keys.Should().Equal("rmse", "mae", "r2");
    }

    /// <summary>Of the logits 0, 100 and -100, the sigmoid is a half, 1 and nearly 0, the softmax of (200, 0) is 1.</summary>
    [Fact]
    public void Probabilities_at_the_ends_of_a_bin_belong_to_the_lower_one()
    {
        using var model = Model(Heads.MultiLabel(1));
        var logits = tensor(new float[] { 100, -1000, 0, 0 }).view(4, 1, 1, 1);

        var result = new Trainer(model).Evaluate([new TensorSource("x", logits, tensor(new float[] { 1, 0, 1, float.NaN }).view(4, 1))])["x"];

        var bins = result.Classes[0].Calibration!.Bins;
        bins.Select(bin => bin.Count).Should().Equal(1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1);
        (bins[0].Probability, bins[0].Frequency, bins[14].Probability, bins[14].Frequency).Should().Be((0, 0, 1, 1));
        (bins[0].From, bins[14].To, bins[3].To).Should().Be((0, 1, 0.26666666666666666));
        bins[1].Frequency.Should().Be(double.NaN);
        result.Calibration!.Error.Should().BeApproximately(0.5 / 3, 1e-12);
        Enumerable.Range(0, 16).Select(edge => BinOf(edge / 15.0)).Should().Equal(0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
        Enumerable.Range(0, 15).Select(edge => BinOf(Math.BitIncrement(edge / 15.0))).Should().Equal(Enumerable.Range(0, 15), "an end does not belong to the bin above it");
    }

    [Fact]
    public void Without_labels_nothing_is_counted()
    {
        using var classification = Model(Heads.Classification(2));
        using var regression = Model(Heads.Regression(1));

        var classes = new Trainer(classification).Evaluate([new TensorSource("x", zeros(3, 2, 1, 1), full([3], -1, ScalarType.Int64))])["x"];
        var values = new Trainer(regression).Evaluate([new TensorSource("x", zeros(3, 1, 1, 1), full([3, 1], double.NaN))])["x"];

        (classes.Count, classes.Confusions.Count, classes.Classes[1].Count, classes.Classes[1].Support).Should().Be((0, 0, 0, 0));
        (classes.Calibration!.Error, classes.Classes[0].F1, classes.Metrics["calibration_error"]).Should().Be((double.NaN, double.NaN, double.NaN));
        (values.Outputs[0].Count, values.Outputs[0].Mae, values.Outputs[0].R2).Should().Be((0, double.NaN, double.NaN));
        var constant = new Trainer(regression).Evaluate([new TensorSource("x", tensor(new float[] { 1, 2 }).view(2, 1, 1, 1), ones(2, 1))])["x"].Outputs[0];
        (constant.Count, constant.MeanError, constant.Mae, constant.R2).Should().Be((2, 0.5, 0.5, double.NaN));
        constant.Rmse.Should().BeApproximately(Math.Sqrt(0.5), 1e-12);
    }

    [Fact]
    public void A_matrix_of_many_classes_has_only_the_cells_that_are_not_zero()
    {
        const int Classes = 65_536;
        using var model = MultiInputModel.Define().Input("x", Inputs.Image(1, 1, 1), Projections.Identity())
            .Base(Bases.From("identity", channels: 1, () => nn.Identity())).Fusion(Fusions.Flatten()).Task("x", Heads.Classification(Classes)).Build(CPU);
        var source = new TensorSource("x", linspace(-1, 1, 40).view(40, 1, 1, 1), arange(40));
        using var folder = new TemporaryFolder();

        var results = new Trainer(model).Evaluate([source], new() { KeepPredictions = true });
        results.SaveCsv(folder["out"]);

        results["x"].Classes.Should().HaveCount(Classes);
        results["x"].Confusions.Sum(cell => cell.Count).Should().Be(40);
        new FileInfo(folder["out/x.confusion.csv"]).Length.Should().BeLessThan(2000);
        File.ReadAllLines(folder["out/x.predictions.csv"]).Should().HaveCount(41).And.StartWith("source,row,name,label,prediction,probability");
    }

    [Theory]
    [MemberData(nameof(Culture.Names), MemberType = typeof(Culture))]
    public void A_classification_is_saved_as_tables_whatever_the_culture(string culture)
    {
        using var folder = new TemporaryFolder();
        using var model = Model(Heads.Classification(3) with { ClassNames = ["a, b", "say \"x\"\nor y", "=1+1"] });

        Culture.Under(culture, () => new Trainer(model).Evaluate([new EvenRows()], new() { KeepPredictions = true }).SaveCsv(folder["new/out"]));

        string Read(string table) => File.ReadAllText(folder[$"new/out/x.{table}.csv"]);
        Directory.GetFiles(folder["new/out"]).Select(Path.GetFileName).Should().BeEquivalentTo(
            "x.metrics.csv", "x.classes.csv", "x.confusion.csv", "x.calibration.csv", "x.predictions.csv");
        Read("metrics").Should().StartWith("metric,value\nloss,0.69").And.Contain("\ncount,2\naccuracy,0.5\nbalanced_accuracy,0.5\n").And.EndWith("\ncalibration_error,0\n");
        Read("classes").Should().Be("""
            class,count,support,predicted,correct,precision,recall,f1
            "a, b",2,1,2,1,0.5,1,0.6666666666666666
            "say ""x""
            or y",2,1,0,0,NaN,0,0
            =1+1,2,0,0,0,NaN,NaN,NaN

            """);
        Read("confusion").Should().Be("""
            label,prediction,count
            "a, b","a, b",1
            "say ""x""
            or y","a, b",1

            """);
        Read("calibration").Split('\n').Should().HaveCount(17).And.ContainInOrder(
            "from,to,count,probability,frequency", "0,0.06666666666666667,0,NaN,NaN", "0.4666666666666667,0.5333333333333333,2,0.5,0.5");
        Read("predictions").Should().Be("""
            source,row,name,label,prediction,probability,"probability.a, b","probability.say ""x""
            or y",probability.=1+1
            x,0,"photos/0, old.jpg","a, b","a, b",0.5,0.5,0.5,0
            x,2,"photos/2, old.jpg","say ""x""
            or y","a, b",0.5,0.5,0.5,0
            x,4,"photos/4, old.jpg",,"a, b",0.5,0.5,0.5,0

            """);
        CsvTable.Read(folder["new/out/x.predictions.csv"]).Columns.Should().Equal(
            "source", "row", "name", "label", "prediction", "probability", "probability.a, b", "probability.say \"x\"\nor y", "probability.=1+1");
    }

    [Fact]
    public void Labels_and_values_are_saved_as_tables()
    {
        using var folder = new TemporaryFolder();
        using var labels = Model(Heads.MultiLabel(2) with { LabelNames = ["red", "big"] });
        using var value = Model(Heads.Regression(1));
        using var values = Model(Heads.Regression(2) with { OutputNames = ["length", "width"] });
        void Save(MultiInputModel model, string name, float[] inputs, double[] targets, int width) => new Trainer(model)
            .Evaluate([new TensorSource("x", tensor(inputs).view(-1, width, 1, 1), tensor(targets).view(-1, width))], new() { KeepPredictions = true }).SaveCsv(folder[name]);

        Save(labels, "labels", [0, 100, 100, 100], [1, double.NaN, 0, 1], 2);
        Save(value, "value", [1.5f, -2], [1, double.NaN], 1);
        Save(values, "values", [1.5f, -2], [1, 2], 2);

        File.ReadAllText(folder["labels/x.predictions.csv"]).Should().Be("""
            source,row,name,label,prediction,label.red,probability.red,label.big,probability.big
            x,0,sample 0,red,big,1,0.5,,1
            x,1,sample 1,big,red;big,0,1,1,1

            """);
        File.ReadAllText(folder["labels/x.classes.csv"]).Should().Be("""
            label,count,support,predicted,correct,precision,recall,f1,calibration_error
            red,2,1,1,0,0,0,0,0.75
            big,1,1,1,1,1,1,1,0

            """);
        File.ReadAllText(folder["value/x.predictions.csv"]).Should().Be("source,row,name,label,prediction\nx,0,sample 0,1,1.5\nx,1,sample 1,,-2\n");
        File.ReadAllText(folder["value/x.outputs.csv"]).Should().Be("output,count,mean_error,mae,rmse,r2\n0,1,0.5,0.5,0.5,NaN\n");
        File.ReadAllText(folder["values/x.predictions.csv"]).Should().Be("source,row,name,label.length,prediction.length,label.width,prediction.width\nx,0,sample 0,1,1.5,2,-2\n");
        File.ReadAllLines(folder["labels/x.calibration.csv"]).Should().HaveCount(1 + 3 * 15).And.ContainInOrder(
            "label,from,to,count,probability,frequency", ",0.9333333333333333,1,2,1,0.5", "red,0.9333333333333333,1,1,1,0", "big,0.9333333333333333,1,1,1,1");
        Directory.GetFiles(folder["value"]).Select(Path.GetFileName).Should().BeEquivalentTo("x.metrics.csv", "x.outputs.csv", "x.predictions.csv");
    }

    [Fact]
    public void A_table_that_cannot_be_written_is_named_and_none_is_left_half_written()
    {
        using var folder = new TemporaryFolder();
        using var model = Model(Heads.Regression(1));
        var evaluation = new Trainer(model).Evaluate([new TensorSource("x", zeros(1, 1, 1, 1), zeros(1, 1))]);
        folder.Write("file", "x");
        Directory.CreateDirectory(folder["out/x.outputs.csv"]);

        evaluation.Invoking(its => its.SaveCsv(folder["file"])).Should().Throw<MultiInputException>().WithMessage("Folder '*file', file: it cannot be created*");
        evaluation.Invoking(its => its.SaveCsv(folder["out"])).Should().Throw<MultiInputException>().WithMessage("File '*x.outputs.csv', file: it is a folder.*");

        Directory.GetFileSystemEntries(folder["out"]).Select(Path.GetFileName).Should().BeEquivalentTo("x.metrics.csv", "x.outputs.csv");
    }

    [Fact]
    public void Predictions_are_kept_with_the_rows_of_their_sources()
    {
        using var model = Model(Heads.Classification(3));
        var source = new EvenRows();

        var all = new Trainer(model, new() { EvaluationBatchSize = 3 }).Evaluate([source], new() { KeepPredictions = true })["x"];
        var part = new Trainer(model).Evaluate([source.Subset([3, 4, 2])], new() { KeepPredictions = true })["x"];

        all.Predictions.Select(its => (its.Source, its.Row, its.Name, its.Label.Single())).Should().Equal(
            ("x", 0, "photos/0, old.jpg", 0), ("x", 2, "photos/2, old.jpg", 1), ("x", 4, "photos/4, old.jpg", -1));
        part.Predictions.Select(its => (its.Row, its.Name)).Should().Equal((1, "photos/4, old.jpg"), (2, "photos/2, old.jpg"));
        foreach (var sample in all.Predictions)
        {
            sample.Prediction.Classes.Select(its => its.Probability).Should().Equal(0.5, 0.5, 0);
            sample.Prediction.ClassName.Should().Be("0");
        }
    }

    [Fact]
    public void Outputs_that_are_not_finite_are_refused_as_before()
    {
        using var model = Model(Heads.Classification(2));
        var source = new TensorSource("x", tensor(new float[] { 1, 2, float.NaN, 1 }).view(2, 2, 1, 1), zeros(2, ScalarType.Int64));

        new Trainer(model).Invoking(its => its.Evaluate([source], new() { KeepPredictions = true })).Should().Throw<MultiInputException>()
            .WithMessage("Task 'x', training: its outputs for 1 of the 2 samples of source 'x' are not finite.*");
    }

    [Fact]
    public void Evaluations_during_a_training_have_the_metrics_alone_as_before()
    {
        using var model = TrainingProblem.Build();
        var sources = TrainingProblem.Sources();

        var epoch = new Trainer(model, TrainingProblem.Options).Fit(sources, sources).Epochs[^1].Validation;
        var evaluation = new Trainer(model).Evaluate(sources);

        epoch["image"].Metrics.Keys.Should().Equal("accuracy", "balanced_accuracy", "macro_f1");
        (epoch["image"].Classes.Count, epoch["image"].Calibration, epoch["table"].Outputs.Count).Should().Be((0, null, 0));
        evaluation["image"].Metrics.Keys.Should().Equal("accuracy", "balanced_accuracy", "macro_f1", "calibration_error");
        foreach (var (task, result) in epoch)
        {
            evaluation[task].Loss.Should().Be(result.Loss);
            result.Metrics.Should().BeSubsetOf(evaluation[task].Metrics);
            JsonSerializer.Serialize(evaluation[task]).Should().NotContain("Classes").And.NotContain("Calibration\"").And.NotContain("Predictions").And.NotContain("Report");
            JsonSerializer.Deserialize<TaskEvaluation>(JsonSerializer.Serialize(result, Named), Named)!.Loss.Should().Be(result.Loss);
        }
    }

    private static JsonSerializerOptions Named { get; } = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private static int BinOf(double probability)
    {
        var tally = new CalibrationTally();
        tally.Add(probability, isRight: true);
        return tally.Result().Bins.Index().Single(bin => bin.Item.Count > 0).Index;
    }

    private static JsonElement Read(string part) => JsonDocument.Parse(File.ReadAllText(Fixture("evaluation.json"))).RootElement.GetProperty(part);

    private static Tensor Matrix(JsonElement rows)
    {
        var values = rows.EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble()).ToArray()).ToArray();
        return tensor(values.SelectMany(row => row).ToArray()).view(values.Length, -1);
    }

    private static TensorSource Source(JsonElement expected, Tensor labels)
    {
        var output = Matrix(expected.GetProperty("output")).to(ScalarType.Float32);
        return new("x", output.unsqueeze(-1).unsqueeze(-1), labels);
    }

    /// <summary>A model whose outputs are its inputs, <c>(batch, outputs, 1, 1)</c>.</summary>
    private static MultiInputModel Model(HeadSpec head)
    {
        var outputs = (int)head.Create(1).parameters().Last().shape[0];
        var model = MultiInputModel.Define().Input("x", Inputs.Image(outputs, 1, 1), Projections.Identity())
            .Base(Bases.From("identity", channels: outputs, () => nn.Identity())).Fusion(Fusions.Flatten()).Task("x", head).Build(CPU);
        using var noGrad = no_grad();
        foreach (var weight in model.Head("x").parameters())
            weight.copy_(weight.dim() == 2 ? eye(outputs) : zeros(outputs));
        return model;
    }

    /// <summary>Five samples with the outputs (0, 0, -1000), of which those with odd numbers cannot be read.</summary>
    private sealed class EvenRows() : DataSource("x", ["x"], new Dictionary<string, Tensor> { ["x"] = tensor(new long[] { 0, 2, 1, 2, -1 }).DetachFromDisposeScope() })
    {
        public override string NameOf(long row) => $"photos/{row}, old.jpg";

        public override InputBatch Read(IReadOnlyList<long> rows)
        {
            var even = rows.Where(row => row % 2 == 0).ToArray();
            return new(even, new Dictionary<string, Tensor> { ["x"] = tensor(new float[] { 0, 0, -1000 }).view(1, 3, 1, 1).repeat(even.Length, 1, 1, 1) });
        }
    }

    private static void ShouldBe(Calibration calibration, JsonElement expected)
    {
        calibration.Bins.Select(bin => (double)bin.Count).ShouldEqual(expected.GetProperty("counts"));
        calibration.Bins.Where(bin => bin.Count > 0).Select(bin => bin.Probability).ShouldEqual(expected.GetProperty("probability"), 1e-6);
        calibration.Bins.Where(bin => bin.Count > 0).Select(bin => bin.Frequency).ShouldEqual(expected.GetProperty("frequency"));
        calibration.Error.Should().BeApproximately(expected.GetProperty("error").GetDouble(), 1e-6);
    }
}

/// <summary>Compares with numbers of a JSON file, in which null is NaN.</summary>
internal static class JsonNumbers
{
    public static void ShouldEqual(this IEnumerable<double> actual, JsonElement expected, double tolerance = 1e-12) => actual.ShouldEqual([.. expected.EnumerateArray()], tolerance);

    public static void ShouldEqual(this IEnumerable<double> actual, IReadOnlyList<JsonElement> expected, double tolerance = 1e-12)
    {
        var found = actual.ToArray();
        found.Should().HaveCount(expected.Count);
        foreach (var (one, known) in found.Zip(expected))
        {
            if (known.ValueKind == JsonValueKind.Null)
                one.Should().Be(double.NaN);
            else
                one.Should().BeApproximately(known.GetDouble(), tolerance);
        }
    }
}
