using System.Globalization;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Tests.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Training;

/// <summary>Models of another floating type than single precision train, evaluate and predict on every source.</summary>
public sealed class ConversionTests
{
    public static TheoryData<ScalarType, string> Sources { get; } = WithTypes(
        "image", "standardised", "stem", "table", "columns", "csv", "tokens", "token files", "sequence", "numpy", "doubles", "idx", "standardised files", "files", "joint", "per-input", "adapters", "mixup", "augmented");

    public static TheoryData<ScalarType, string> Ways { get; } = WithTypes("AdamW", "SGD", "uncertainty", "average", "GradNorm", "PCGrad", "CAGrad");

    [Theory]
    [MemberData(nameof(Sources))]
    public void It_trains_evaluates_predicts_and_reuses_features(ScalarType type, string kind)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        random.manual_seed(11);
        var (model, sources) = Build(kind, folder);
        using var owned = model;
        var expected = new Trainer(model).Evaluate(sources);
        model.to(type);
        var options = new TrainerOptions { Epochs = 3, LearningRate = 3e-3, Seed = 1, MixupAlpha = kind == "mixup" ? 0.4 : null };

        var started = new Trainer(model).Evaluate(sources);
        var history = new Trainer(model, options).Fit(sources, validation: sources);

        foreach (var (task, evaluation) in expected)
        {
            started[task].Loss.Should().BeApproximately(evaluation.Loss, type == ScalarType.Float64 ? 1e-4 : 0.05 + 0.1 * evaluation.Loss, task);
            history.Epochs[^1].Validation[task].Loss.Should().BeLessThan(evaluation.Loss, task);
        }

        foreach (var (name, parameter) in model.named_parameters())
        {
            parameter.dtype.Should().Be(type, name);
            parameter.isfinite().all().ToBoolean().Should().BeTrue(name);
        }

        model.Freeze(Parts.Base, Parts.Projections());
        new Trainer(model, options with { MixupAlpha = null }).Fit(sources).Epochs.Should().HaveCount(3);
        foreach (var source in sources)
        {
            using var runner = new BatchRunner(source, model);
            foreach (var batch in runner.Pass(2).Take(1))
            {
                foreach (var (task, output) in model.forward(batch.Inputs, source.Targets.Keys))
                {
                    output.dtype.Should().Be(type, task);
                    output.isfinite().all().ToBoolean().Should().BeTrue(task);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void It_trains_in_every_way_and_goes_on_to_the_same_bits(ScalarType type, string way)
    {
        using var scope = NewDisposeScope();
        var options = TrainingProblem.Options with
        {
            Optimizer = way == "SGD" ? new SgdSpec() : new AdamWSpec(),
            LearningRate = way == "SGD" ? 1e-2 : 3e-3,
            WeightAverageDecay = way == "average" ? 0.9 : null,
            EarlyStopping = way == "average" ? new() { Patience = 5 } : null,
            Balancing = way switch
            {
                "uncertainty" => LossBalancing.Uncertainty(),
                "GradNorm" => LossBalancing.GradNorm(),
                "PCGrad" => LossBalancing.PCGrad(),
                "CAGrad" => LossBalancing.CAGrad(),
                _ => LossBalancing.Equal,
            },
        };
        var sources = TrainingProblem.Sources();
        using var whole = TrainingProblem.Build();
        whole.to(type);
        var before = new Trainer(whole).Evaluate(sources);
        new Trainer(whole, options).Fit(sources, way == "average" ? sources : null);
        var after = new Trainer(whole).Evaluate(sources);
        after.Values.Sum(evaluation => evaluation.Loss).Should().BeLessThan(before.Values.Sum(evaluation => evaluation.Loss));

        using var folder = new TemporaryFolder();
        options = options with { Checkpoints = new(folder["run"]) };
        using var stopped = TrainingProblem.Build();
        stopped.to(type);
        using var stop = new CancellationTokenSource();
        FluentActions.Invoking(() => new Trainer(stopped, options).Fit(sources, way == "average" ? sources : null, new Now(step => (step.Step == 7 ? stop.Cancel : (Action)(() => { }))()), stop.Token))
            .Should().Throw<OperationCanceledException>();
        using var resumed = TrainingProblem.Build(seed: 2);
        resumed.to(type);
        new Trainer(resumed, options).Resume(sources, way == "average" ? sources : null);
        resumed.ShouldHave(TrainingProblem.Weights(whole));
    }

    [Fact]
    public void Category_numbers_that_bfloat16_cannot_hold_stay_exact()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var columns = new TabularColumn[] { new CategoricalColumn("city", [.. Enumerable.Range(0, 1000).Select(i => $"c{i}")]), new NumericColumn("size") };
        using var model = MultiInputModel.Define()
            .Input("row", new TabularInput(2) { Columns = columns }).Base(Bases.ConvNet(4, 8)).Task("row", Heads.Regression(1)).Build(CPU);
        model.eval();
        var rows = tensor(new[] { 999f, 1, 1000, 1 }).view(2, 2);
        var expected = model.forward(rows, "row");
        model.to(ScalarType.BFloat16);

        var actual = model.forward(rows, "row");

        actual.to(ScalarType.Float32).ShouldEqual(expected, 0.05);
        (expected[0] - expected[1]).abs().item<float>().Should().BeGreaterThan(0);
        model.forward(rows.to(ScalarType.Float64), "row").ShouldBeSame(actual);
    }

    private static TheoryData<ScalarType, string> WithTypes(params string[] kinds)
    {
        var data = new TheoryData<ScalarType, string>();
        foreach (var type in new[] { ScalarType.Float64, ScalarType.BFloat16, ScalarType.Float16 })
        {
            foreach (var kind in kinds)
                data.Add(type, kind);
        }

        return data;
    }

    private static (MultiInputModel Model, DataSource[] Sources) Build(string kind, TemporaryFolder folder)
    {
        const int count = 48;
        var image = Inputs.Image(3, 8, 8);
        var sharedBase = Bases.ConvNet(8, 8, 16) with { Normalization = kind is "per-input" or "image" ? Normalization.Batch : Normalization.None };
        var pixels = rand(count, 3, 8, 8);
        var labels = (pixels.mean([1, 2, 3]) > 0.5).to(ScalarType.Int64);
        var builder = MultiInputModel.Define().Base(
            sharedBase,
            perInput: kind == "per-input" ? PerInput.Normalization : PerInput.Nothing,
            adapters: kind == "adapters" ? Adapters.Parallel : Adapters.None);
        if (kind == "joint")
        {
            var rows = randn(count, 4);
            return (builder.Input("x", image).Input("y", Inputs.Tabular(4)).Task("both", Heads.Classification(2), from: ["x", "y"]).Build(CPU),
                [new TensorSource("both", new Dictionary<string, Tensor> { ["x"] = pixels, ["y"] = rows }, new Dictionary<string, Tensor> { ["both"] = labels }) { BatchSize = 16 }]);
        }

        builder.Task("x", Heads.Classification(2));
        TensorSource Memory(Tensor samples, Tensor? its = null) => new("x", samples, its ?? labels)
        {
            BatchSize = 16,
            Augment = kind == "augmented" ? (_, batch) => Augmentations.Shift(1)(batch) : null,
        };
        switch (kind)
        {
            case "standardised":
                var large = 1000 + pixels;
                return (builder.Input("x", image.StandardizedBy(large)).Build(CPU), [Memory(large)]);
            case "stem":
                return (builder.Input("x", image, Projections.AdaptedStem()).Build(CPU), [Memory(pixels)]);
            case "table":
                var table = randn(count, 5);
                return (builder.Input("x", Inputs.Tabular(5)).Build(CPU), [Memory(table, (table[.., 0] > 0).to(ScalarType.Int64))]);
            case "columns":
                var columns = new TabularColumn[] { new NumericColumn("a") { Fill = 3, MissingIndicator = true }, new CategoricalColumn("b", ["u", "v"]) };
                var cells = stack([randn(count), randint(3, [count]).to(ScalarType.Float32)], 1);
                cells[0, 0] = float.NaN;
                return (builder.Input("x", new TabularInput(2) { Columns = columns }).Build(CPU), [Memory(cells, (cells[.., 1] > 1).to(ScalarType.Int64))]);
            case "csv":
                var path = folder.Write("table.csv", "size,city,kind\n" + string.Concat(Enumerable.Range(0, count).Select(
                    i => string.Create(CultureInfo.InvariantCulture, $"{(i == 3 ? string.Empty : i * 0.37)},{"uvw"[i % 3]},{(i % 3 == 0 ? "p" : "q")}\n"))));
                var schema = TableSchema.Infer(path, ["kind"]);
                return (MultiInputModel.Define().Base(sharedBase).Input("x", schema.Input).Task("x", Heads.Classification(2)).Build(CPU), [new CsvSource("x", schema, path) { BatchSize = 16 }]);
            case "tokens":
                var tokens = randint(9, [count, 12]).to(ScalarType.Int64);
                return (builder.Input("x", Inputs.Tokens(9, 12)).Build(CPU), [Memory(tokens, (tokens[.., 0] > 4).to(ScalarType.Int64))]);
            case "token files":
                var words = randint(9, [count, 12]).to(ScalarType.Int64);
                NumpyFile.Write(folder["x.npy"], words);
                NumpyFile.Write(folder["y.npy"], (words[.., 0] > 4).to(ScalarType.Int64));
                return (builder.Input("x", Inputs.Tokens(9, 12)).Build(CPU), [new NumpySource("x", folder["x.npy"], folder["y.npy"]) { BatchSize = 16 }]);
            case "sequence":
                var sequences = randn(count, 2, 20);
                return (builder.Input("x", Inputs.Sequence(2, 20)).Build(CPU), [Memory(sequences, (sequences.mean([1, 2]) > 0).to(ScalarType.Int64))]);
            case "numpy" or "doubles":
                NumpyFile.Write(folder["x.npy"], kind == "doubles" ? pixels.to(ScalarType.Float64) : pixels);
                NumpyFile.Write(folder["y.npy"], labels);
                return (builder.Input("x", image).Build(CPU), [new NumpySource("x", folder["x.npy"], folder["y.npy"]) { BatchSize = 16 }]);
            case "standardised files":
                NumpyFile.Write(folder["x.npy"], 1000 + pixels.to(ScalarType.Float64));
                NumpyFile.Write(folder["y.npy"], labels);
                var stored = new NumpySource("x", folder["x.npy"], folder["y.npy"]) { BatchSize = 16 };
                return (builder.Input("x", image.StandardizedBy(stored)).Build(CPU), [stored]);
            case "idx":
                var grays = (pixels[.., ..1] * 255).to(ScalarType.Byte);
                folder.Write("x.idx", [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 8, 0, 0, 0, 8, .. grays.bytes]);
                folder.Write("y.idx", [0, 0, 8, 1, 0, 0, 0, count, .. (grays.to(ScalarType.Float32).mean([1, 2, 3]) > 127).to(ScalarType.Byte).bytes]);
                var read = IdxFile.ReadSource("x", folder["x.idx"], folder["y.idx"]);
                return (builder.Input("x", Inputs.Image(1, 8, 8).StandardizedBy(read)).Build(CPU), [new TensorSource("x", read.Inputs["x"], read.Targets["x"]) { BatchSize = 16 }]);
            case "files":
                for (var i = 0; i < 16; i++)
                {
                    var name = i < 8 ? "dark" : "light";
                    Directory.CreateDirectory(folder[name]);
                    WritePng(Path.Combine(folder[name], $"{i}.png"), (byte)(15 * i));
                }

                var photo = Inputs.Image(3, 8, 8);
                return (builder.Input("x", photo).Build(CPU), [new ImageFolderSource("x", folder["."], photo) { BatchSize = 8 }]);
            default:
                return (builder.Input("x", image).Build(CPU), [Memory(pixels)]);
        }
    }

    private static void WritePng(string path, byte gray)
    {
        using var bitmap = new SkiaSharp.SKBitmap(8, 8);
        bitmap.Erase(new SkiaSharp.SKColor(gray, gray, gray));
        using var stream = File.Create(path);
        bitmap.Encode(stream, SkiaSharp.SKEncodedImageFormat.Png, 100);
    }
}
