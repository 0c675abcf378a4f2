using MultiInputNet.Tests;
using MultiInputNet.Tests.Data;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

public sealed class OnnxPredictTests : PredictTests
{
    protected override IPredictor Load(string path) => OnnxPredictor.Load(path);
}

public sealed class OnnxThreadSafetyTests : ThreadSafetyTests
{
    protected override IPredictor Load(string path) => OnnxPredictor.Load(path, new() { Threads = 2 });
}

/// <summary>ONNX Runtime answers as libtorch does, and what only it has.</summary>
public sealed class OnnxPredictorTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Every_set_of_tasks_is_answered_as_by_the_model()
    {
        using var scope = NewDisposeScope();
        using var model = Images();
        using var predictor = OnnxPredictor.Load(Save(model));
        var all = new Dictionary<string, Tensor> { ["a"] = rand(3, 3, 16, 16), ["b"] = rand(3, 1, 16, 16), ["c"] = rand(2, 4, 16, 16) };
        string[] names = [.. model.Description.Tasks.Select(task => task.Name)];
        for (var which = 1; which < 1 << names.Length; which++)
        {
            string[] tasks = [.. names.Where((_, i) => (which & (1 << i)) != 0)];
            var inputs = all.Where(input => tasks.Any(task => (model.Description.Task(task).From ?? [task]).Contains(input.Key))).ToDictionary();
            ShouldBeNear(predictor.PredictBatch(inputs, tasks), model.PredictBatch(inputs, tasks));
        }

        foreach (var given in new string[][] { ["a"], ["b"], ["c"], ["a", "b"], ["b", "c"], ["a", "b", "c"] })
        {
            var inputs = all.Where(input => given.Contains(input.Key)).ToDictionary();
            ShouldBeNear(predictor.PredictBatch(inputs), model.PredictBatch(inputs));
        }
    }

    [Theory]
    [InlineData("any layout")]
    [InlineData("double precision")]
    [InlineData("a part of a tensor")]
    [InlineData("more than a batch")]
    [InlineData("gradients")]
    public void Tensors_are_taken_as_they_are(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = Images();
        using var predictor = OnnxPredictor.Load(Save(model));
        var batch = kind switch
        {
            "any layout" => rand(3, 16, 16, 3).permute(0, 3, 1, 2),
            "double precision" => rand(3, 3, 16, 16, ScalarType.Float64),
            "a part of a tensor" => rand(9, 3, 20, 20)[4..7, .., 2..18, 1..17],
            "more than a batch" => rand(predictor.BatchSize + 1, 3, 16, 16),
            _ => rand(3, 3, 16, 16, requires_grad: true),
        };

        var inputs = new Dictionary<string, Tensor> { ["a"] = batch };
        ShouldBeNear(predictor.PredictBatch(inputs), model.PredictBatch(inputs));
    }

    [Theory]
    [InlineData("unknown input")]
    [InlineData("unknown task")]
    [InlineData("missing input")]
    [InlineData("no inputs")]
    [InlineData("shape")]
    [InlineData("empty")]
    [InlineData("type")]
    [InlineData("null")]
    [InlineData("disposed of")]
    [InlineData("sizes")]
    [InlineData("not a number")]
    [InlineData("infinity")]
    public void Mistakes_are_refused_as_by_a_predictor(string mistake)
    {
        using var scope = NewDisposeScope();
        using var model = Images();
        var path = Save(model);
        using var torch = Predictor.Load(path, new() { Device = CPU });
        using var onnx = OnnxPredictor.Load(path);
        var gone = rand(1, 3, 16, 16);
        gone.Dispose();
        var (a, b) = (rand(2, 3, 16, 16), rand(2, 1, 16, 16));
        a[1, 2, 3, 4] = mistake == "infinity" ? float.PositiveInfinity : mistake == "not a number" ? float.NaN : 0.5f;
        (string Name, Tensor Batch)[] inputs = mistake switch
        {
            "unknown input" => [("d", a)],
            "no inputs" => [],
            "shape" => [("a", rand(2, 3, 16, 15))],
            "empty" => [("a", rand(0, 3, 16, 16))],
            "type" => [("a", ones(2, 3, 16, 16, ScalarType.Int64))],
            "null" => [("a", null!)],
            "disposed of" => [("a", gone)],
            "sizes" => [("a", a), ("b", rand(3, 1, 16, 16))],
            _ => [("a", a)],
        };
        string[]? tasks = mistake switch { "unknown task" => ["d"], "missing input" => ["joint"], _ => null };
        void Call(IPredictor predictor) => predictor.PredictBatch(inputs.ToDictionary(input => input.Name, input => input.Batch), tasks);

        var expected = FluentActions.Invoking(() => Call(torch)).Should().Throw<MultiInputException>().Which.Message;
        FluentActions.Invoking(() => Call(onnx)).Should().Throw<MultiInputException>().WithMessage(expected);
    }

    [Fact]
    public void An_exported_file_answers_as_the_model()
    {
        using var scope = NewDisposeScope();
        using var model = Images();
        var inputs = new Dictionary<string, Tensor> { ["a"] = rand(3, 3, 16, 16), ["b"] = rand(3, 1, 16, 16) };
        model.ExportOnnx(folder["model.onnx"]);
        model.ExportOnnx(folder["some.onnx"], new() { Tasks = ["joint", "kind"] });

        using var all = OnnxPredictor.Load(folder["model.onnx"]);
        using var some = OnnxPredictor.Load(folder["some.onnx"]);

        all.Description.Should().Be(model.Description);
        all.BatchSize.Should().Be((int)Math.Min(512, 4L * model.BatchSize));
        ShouldBeNear(all.PredictBatch(inputs), model.PredictBatch(inputs));
        some.Description.Tasks.Select(task => task.Name).Should().Equal("joint", "kind");
        some.Description.Inputs.Select(input => input.Name).Should().Equal("a", "b");
        ShouldBeNear(some.PredictBatch(inputs), model.PredictBatch(inputs, ["joint", "kind"]));
        some.PredictBatch(inputs)["joint"][0].ToString().Should().Be(model.PredictBatch(inputs)["joint"][0].ToString());
    }

    [Theory]
    [InlineData("raw outputs", "*'kind_output'*RawOutputs*")]
    [InlineData("standardised inputs", "*standardised*Standardize*")]
    [InlineData("no metadata", "*does not say which model*ExportOnnx*")]
    [InlineData("no description", "Model description*cannot be read*")]
    [InlineData("another output", "*damaged*")]
    [InlineData("no ONNX file", "*cannot be read*")]
    [InlineData("no file", "*cannot be read*")]
    public void A_file_that_cannot_be_used_is_refused(string kind, string message)
    {
        using var model = Images();
        var path = folder["model.onnx"];
        model.ExportOnnx(path, new() { RawOutputs = kind == "raw outputs", Standardize = kind != "standardised inputs" });
        var file = Schema.ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        if (kind == "no metadata")
            file.MetadataProps.Clear();
        else if (kind == "no description")
            file.MetadataProps.Single(entry => entry.Key.EndsWith("description", StringComparison.Ordinal)).Value = "[]";
        else if (kind == "another output")
            file.Graph.Output[0].Name = "another";
        File.WriteAllBytes(path, kind == "no ONNX file" ? [1, 2, 3] : Google.Protobuf.MessageExtensions.ToByteArray(file));
        if (kind == "no file")
            File.Delete(path);

        FluentActions.Invoking(() => OnnxPredictor.Load(path)).Should().Throw<MultiInputException>().WithMessage(message);
    }

    [Fact]
    public void A_predictor_that_was_disposed_of_says_so()
    {
        using var model = Images();
        var predictor = OnnxPredictor.Load(Save(model));
        predictor.Dispose();
        predictor.Dispose();

        FluentActions.Invoking(() => predictor.Predict("kind", rand(3, 16, 16))).Should().Throw<ObjectDisposedException>();
    }

    [Fact]
    public void Weights_that_are_not_numbers_are_refused()
    {
        using var model = Images();
        using (no_grad())
            model.parameters().First(parameter => parameter.dim() == 4 && parameter.shape[0] == 12)[0, 0, 0, 0] = float.NaN;

        FluentActions.Invoking(() => OnnxPredictor.Load(Save(model))).Should().Throw<MultiInputException>().WithMessage("Weight '*NaN*");
    }

    [Fact]
    public void A_device_that_is_not_there_is_refused()
    {
        using var model = Images();
        var path = Save(model);
        if (Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider"))
            return;

        FluentActions.Invoking(() => OnnxPredictor.Load(path, new() { Device = DeviceType.CUDA })).Should().Throw<MultiInputException>().WithMessage("*no CUDA*Gpu*");
    }

    private static void ShouldBeNear(IReadOnlyDictionary<string, IReadOnlyList<Prediction>> actual, IReadOnlyDictionary<string, IReadOnlyList<Prediction>> expected)
    {
        actual.Keys.Should().Equal(expected.Keys);
        foreach (var (task, answers) in expected)
        {
            actual[task].Should().HaveCount(answers.Count);
            foreach (var (found, answer) in actual[task].Zip(answers))
            {
                found.Kind.Should().Be(answer.Kind);
                Numbers(found).Zip(Numbers(answer)).Should().AllSatisfy(pair => pair.First.Should().BeApproximately(pair.Second, 1e-5));
            }
        }
    }

    private static IEnumerable<double> Numbers(Prediction answer) => answer.Kind switch
    {
        PredictionKind.Class => answer.Classes.Select(one => one.Probability),
        PredictionKind.Labels => answer.Labels.Select(one => one.Probability),
        _ => answer.Values,
    };

    private string Save(MultiInputModel model)
    {
        model.Save(folder["model.safetensors"]);
        return folder["model.safetensors"];
    }

    private static MultiInputModel Images()
    {
        var model = MultiInputModel.Define()
            .Input("a", Inputs.Image(3, 16, 16) with { Mean = [0.5, 0.4, 0.3], StandardDeviation = [0.2, 0.3, 0.4] })
            .Input("b", Inputs.Image(1, 16, 16))
            .Input("c", Inputs.Image(4, 16, 16))
            .Base(Bases.ConvNet(3, 8, 12) with { Normalization = Normalization.Batch })
            .Fusion(Fusions.GlobalAverage())
            .Task("kind", new ClassificationSpec(3) { ClassNames = ["cat", "dog", "owl"] }, from: ["a"])
            .Task("tags", Heads.MultiLabel(2) with { LabelNames = ["red", "round"] }, from: ["a"])
            .Task("b", Heads.Classification(4))
            .Task("c", Heads.MultiLabel(2))
            .Task("joint", Heads.Classification(2), from: ["a", "b"], fusion: Fusions.Concat())
            .Build(CPU, seed: 2);
        model.eval();
        return model;
    }
}
