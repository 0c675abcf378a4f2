// Writes the files of format version 2 that tests/MultiInputNet.Tests/OldFilesTests.cs reads: models with what descriptions of that version
// have, what each computes, and a checkpoint of a training that is half done, with the weights that it ends with.
//
// Run at commit 4198e1e, the last one before version 3 (this file is for the names of that commit alone):
//   git worktree add /tmp/old 4198e1e
//   dotnet run -c Release --project scripts/old-files -p:Library=/tmp/old -- tests/MultiInputNet.Tests/Fixtures
// Those of version 1, with a model for every kind that it knew, are from this file as it was at 4198e1e, run at 645d553.
//
// Weights are a short series of numbers again and again, so that the packed files are small.

using System.IO.Compression;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using TorchSharp;
using static TorchSharp.torch;

var fixtures = args[0];
var folder = Directory.CreateDirectory(Path.Combine(fixtures, "version2")).FullName;
var expected = new Dictionary<string, Tensor>();
foreach (var (name, builder) in Models())
    WriteModel(name, builder);
foreach (var (name, options) in Trainings())
    WriteTraining(name, options);
WriteWhole("expected", path => WeightFile.Write(path, expected));

IEnumerable<(string Name, MultiInputModelBuilder Builder)> Models()
{
    yield return ("tokens", MultiInputModel.Define()
        .Input("a", Inputs.Image(3, 24, 24))
        .Input("b", Inputs.Image(3, 32, 32))
        .Base(Bases.ViTS16() with { Width = 16, Depth = 2, Heads = 4, PatchSize = 8, ImageSize = 24, Output = TransformerOutput.Tokens })
        .Fusion(Fusions.Attention(2), shared: true)
        .Task("a", Heads.Classification(3))
        .Task("b", Heads.Classification(2))
        .Task("both", Heads.MultiLabel(2), from: ["a", "b"]));

    yield return ("inputs", MultiInputModel.Define()
        .Input("image", Inputs.Image(1, 8, 8) with { Mean = [0.5], StandardDeviation = [0.25], Resize = Resize.Pad }, Projections.Convolution(Normalization.Group, Activation.SiLU))
        .Input("bands", Inputs.Image(5, 6, 6).StandardizedBy(Pattern([4, 5, 6, 6], 3, 100) + 200))
        .Input("sequence", Inputs.Sequence(3, 20) with { Mean = [0, 1, 2], StandardDeviation = [1, 2, 3] }, Projections.Sequence(5, 2, normalization: Normalization.Batch))
        .Input("line", Inputs.Sequence(2, 12), Projections.Sequence(3, rows: 1, activation: Activation.Tanh))
        .Input("tokens", Inputs.Tokens(11, 16))
        .Input("row", Inputs.Tabular(3), Projections.Tabular(2, 3, Normalization.Layer, Activation.HardSwish))
        .Input("table", new TabularInput(4)
        {
            Columns =
            [
                new NumericColumn("age") { Fill = 30, MissingIndicator = true, MissingTexts = ["unknown"] },
                new CategoricalColumn("colour", ["red", "green", "blue"]),
                new NumericColumn("when") { Fill = 1.7e9 },
                new CategoricalColumn("size", ["S", "M", "L", "XL"]) { EmbeddingWidth = 3 },
            ],
            Mean = [40, 0, 1.7e9, 0],
            StandardDeviation = [12, 1, 1e6, 1],
            MissingTexts = ["NA", "-"],
            DecimalSeparator = ',',
            ThousandsSeparator = '.',
        })
        .Base(Bases.ConvNet(8, 8, 16))
        .Fusion(Fusions.GlobalAverage())
        .Task("image", Heads.Classification(2))
        .Task("bands", Heads.Classification(2))
        .Task("sequence", Heads.Classification(2))
        .Task("line", Heads.Classification(2))
        .Task("tokens", Heads.Classification(2))
        .Task("row", Heads.Classification(2))
        .Task("table", Heads.Classification(2)));

    yield return ("tasks", MultiInputModel.Define()
        .Input("a", Inputs.Image(1, 8, 8))
        .Input("b", Inputs.Sequence(2, 16))
        .Base(Bases.ConvNet(4, 8, 8))
        .Fusion(Fusions.Attention(2))
        .Task("named", Heads.Classification(3, labelSmoothing: 0.1) with { ClassNames = ["cat", "dog", "owl"], ClassWeights = [1, 2, 0.5] }, from: ["a"])
        .Task("hidden", Heads.Classification(2, hidden: 5, dropout: 0.2), from: ["a"], fusion: Fusions.Flatten())
        .Task("labels", Heads.MultiLabel(4, hidden: 3), from: ["b"], fusion: Fusions.GlobalAverage())
        .Task("known", Heads.Regression(2) with { Mean = [10, 1.7e9], StandardDeviation = [3, 1e6] }, from: ["b"], fusion: Fusions.GlobalMax())
        .Task("raw", Heads.Regression(1, dropout: 0.1) with { StandardizesTargets = false }, from: ["a", "b"])
        .Task("concat", Heads.Regression(1), from: ["a", "b"], fusion: Fusions.Concat())
        .Task("averages", Heads.Regression(1), from: ["a", "b"], fusion: Fusions.Concat(Fusions.GlobalAverage()))
        .Task("sum", Heads.Regression(1), from: ["a", "b"], fusion: Fusions.Sum())
        .Task("mean", Heads.Regression(1), from: ["a", "b"], fusion: Fusions.Mean(Fusions.GlobalMax()))
        .Task("attention", Heads.Regression(1), from: ["a", "b"], fusion: Fusions.Attention(4, dropout: 0.1)));
}

void WriteModel(string name, MultiInputModelBuilder builder)
{
    using var scope = NewDisposeScope();
    using var model = builder.Build(CPU, seed: 1);
    model.eval();
    using (no_grad())
    {
        foreach (var (index, (key, value)) in model.state_dict().Index())
            Fill(index, key, value);
        WriteWhole(name, model.Save);

        // In double precision, in which kernels of all CPUs give the same to many digits.
        model.to(ScalarType.Float64);
        var inputs = model.Description.Inputs.Index().ToDictionary(input => input.Item.Name, input => Batch(input.Item.Spec, input.Index));
        var outputs = model.forward(inputs);
        foreach (var (input, batch) in inputs)
            Expect($"{name}/input/{input}", batch);
        foreach (var (task, output) in outputs)
        {
            if (!output.isfinite().all().ToBoolean() || ((output[0] - output[1]) / output.abs().amax(0)).abs().max().ToDouble() < 1e-3)
                throw new InvalidOperationException($"{name}: the output of task '{task}' says little: {output.str()}");
            Expect($"{name}/output/{task}", output);
        }
    }

    Console.WriteLine($"{name}: {new FileInfo(Path.Combine(folder, $"{name}.safetensors.br")).Length:N0} bytes");
}

void WriteTraining(string name, TrainerOptions options)
{
    using var scope = NewDisposeScope();
    var checkpoints = Directory.CreateTempSubdirectory("old-files-").FullName;
    options = options with { LearningRate = 0.01, Seed = 5, BatchSize = 8, Checkpoints = new(checkpoints) { EverySteps = 1, Keep = 1000 } };

    // AdamW makes whole steps of the rounding that is the gradient of a bias before a batch normalisation.
    const Normalization normalization = Normalization.None;
    using var model = MultiInputModel.Define()
        .Input("image", Inputs.Image(2, 5, 5), Projections.Convolution(normalization))
        .Input("row", Inputs.Tabular(3))
        .Base(Bases.ConvNet(3, 4) with { Normalization = normalization })
        .Fusion(Fusions.GlobalAverage())
        .Task("image", Heads.Classification(3))
        .Task("row", Heads.Regression(1))
        .Build(CPU, seed: 1);
    var history = new Trainer(model, options).Fit(Sources(40), Sources(12));
    var files = Directory.GetFiles(checkpoints, "*.safetensors").Order(StringComparer.Ordinal).ToArray();
    var half = files[files.Length * 5 / 8];
    WriteWhole($"training-{name}", path => File.Copy(half, path));
    foreach (var (key, value) in model.state_dict())
        Expect($"training-{name}/{key}", value);
    Console.WriteLine($"{name}: {Path.GetFileName(half)} of {files.Length}, {history.Epochs.Count} epochs");
    Directory.Delete(checkpoints, recursive: true);
}

static TensorSource[] Sources(int count)
{
    var (images, rows) = (Pattern([count, 2, 5, 5], count, 2), Pattern([count * 3 / 2, 3], count + 1, 2));
    return
    [
        new("image", images, arange(count).remainder(3).to(ScalarType.Int64)),
        new("row", rows, rows[.., ..1] * 3 - rows[.., 1..2] + 20) { BatchSize = 6 },
    ];
}

static IEnumerable<(string Name, TrainerOptions Options)> Trainings()
{
    yield return ("phases", new()
    {
        Phases = [new(2, Parts.Heads(), Parts.Projections().At(0.5)), new(3, Parts.All) { LearningRate = 0.02, LayerDecay = 0.8 }],
        WeightAverageDecay = 0.9,
        EarlyStopping = new() { Patience = 9, MinDelta = 0.001, Task = "row" },
        Balancing = LossBalancing.Uncertainty(),
        Sampling = SourceSampling.Temperature(0.5),
        Schedule = LearningRateSchedule.OneCycle(),
    });
}

static void Fill(int index, string key, Tensor value)
{
    if (value.dtype != ScalarType.Float32)
        return;
    var series = Pattern(value.shape, index, 1);
    value.copy_(
        key.EndsWith("running_var", StringComparison.Ordinal) ? 1 + series * 0.4
        : key.EndsWith("running_mean", StringComparison.Ordinal) ? series * 0.2
        : value.dim() >= 2 ? series * Math.Sqrt(4.0 / value.shape[1..].Aggregate(1L, (product, size) => product * size))
        : key.EndsWith("weight", StringComparison.Ordinal) ? 1 + series * 0.3
        : series * 0.1);
}

static Tensor Batch(InputSpec spec, int index)
{
    switch (spec)
    {
        case TokenInput tokens:
            return (arange(2 * tokens.Length) * 5 + index).remainder(tokens.Vocabulary).to(ScalarType.Int64).view(2, tokens.Length);
        case TabularInput { Columns: not null }:
            return tensor(new[] { 25, 1, 1.6999e9, 4, double.NaN, 0, 1.7001e9, 2 }).view(2, 4);
        default:
            return Pattern([2, .. spec.Shape], index + 1, 1).to(ScalarType.Float64);
    }
}

// Numbers from -size to size that start over after 61.
static Tensor Pattern(long[] shape, int start, double size) =>
    ((arange(shape.Aggregate(1L, (product, length) => product * length), ScalarType.Int64) * 7 + start * 13).remainder(61) - 30).to(ScalarType.Float32).mul((float)(size / 30)).view(shape);

void Expect(string name, Tensor value) => expected.Add(name, value.detach().clone().contiguous().DetachFromDisposeScope());

void WriteWhole(string name, Action<string> write)
{
    var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
    write(path);
    using (var from = File.OpenRead(path))
    using (var to = new BrotliStream(File.Create(Path.Combine(folder, $"{name}.safetensors.br")), CompressionLevel.Optimal))
        from.CopyTo(to);
    File.Delete(path);
}
