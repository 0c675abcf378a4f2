using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Insights.Tests;

/// <summary>A small model with inputs and tasks of every kind, and samples of all of them.</summary>
internal static class ReportedModel
{
    public static string[] Kinds { get; } = ["round", "square", "striped"];

    /// <summary>Photos, 4-band images, sequences, tokens and rows of a table; classes, labels, values, and a task of two inputs.</summary>
    /// <param name="name">What to call the columns, classes, labels, outputs and units, given what they are.</param>
    public static MultiInputModel Build(Func<string, string>? name = null)
    {
        name ??= its => its;
        string[] Names(params string[] all) => [.. all.Select(name)];
        string Key(string its) => KeyOf(its, name);
        return MultiInputModel.Define()
            .Input(Key("photo"), Inputs.Image(channels: 3, height: 16, width: 16))
            .Input(Key("bands"), Inputs.Image(channels: 4, height: 12, width: 12) with { Mean = [1, 2, 3, 4], StandardDeviation = [1, 1, 2, 2] })
            .Input(Key("signal"), Inputs.Sequence(features: 2, length: 24))
            .Input(Key("words"), Inputs.Tokens(vocabulary: 20, length: 6))
            .Input(Key("record"), Inputs.Tabular(new NumericColumn(name("age")) { Fill = 40, MissingIndicator = true }, new CategoricalColumn(name("colour"), Names("red", "green"))))
            .Base(Bases.ConvNet(channels: 4, 8, 8) with { Normalization = Normalization.Group })
            .Base(Bases.ViTB16() with { ImageSize = 16, PatchSize = 4, Width = 16, Depth = 2, Heads = 2 }, inputs: [Key("photo")])
            .Fusion(Fusions.GlobalAverage())
            .Task(Key("kind"), Heads.Classification(3) with { ClassNames = Names(Kinds) }, from: [Key("photo")], fusion: Fusions.Attention(2))
            .Task(Key("tags"), Heads.MultiLabel(3) with { LabelNames = Names("bright", "dark", "soft") }, from: [Key("bands")])
            .Task(Key("phase"), Heads.Classification(2), from: [Key("signal")], fusion: Fusions.Attention(2))
            .Task(Key("topic"), Heads.Classification(2), from: [Key("words")], fusion: Fusions.Attention(2))
            .Task(Key("price"), Heads.Regression(2) with { OutputNames = Names("net", "gross"), Unit = name("kg") }, from: [Key("record")])
            .Task(Key("joint"), Heads.Classification(2), from: [Key("bands"), Key("record")], fusion: Fusions.Attention(2))
            .Build(CPU, seed: 1);
    }

    /// <summary>Samples that a model of <see cref="Build"/> can learn, some of their labels and values missing.</summary>
    public static IReadOnlyList<DataSource> Samples(int count = 48, Func<string, string>? name = null, int seed = 0)
    {
        name ??= its => its;
        using var scope = NewDisposeScope();
        var generator = new Generator((ulong)seed);
        Tensor Uniform(params long[] shape) => rand(shape, generator: generator);
        Tensor Whole(long high, params long[] shape) => randint(0, high, shape, dtype: ScalarType.Int64, generator: generator);
        var kinds = Whole(3, count);
        var photos = Uniform(count, 3, 16, 16) * 0.3;
        foreach (var row in Enumerable.Range(0, count))
            photos[row, kinds[row].item<long>(), 3.., ..12] += 0.6;
        kinds[0] = -1;
        var bright = Whole(2, count);
        var bands = Uniform(count, 4, 12, 12) * 4 + bright.view(-1, 1, 1, 1);
        var tags = stack([bright.to(ScalarType.Float32), 1 - bright.to(ScalarType.Float32), Uniform(count).round()], 1);
        tags[1, 2] = float.NaN;
        var phases = Whole(2, count);
        var signals = (arange(24).view(1, 1, -1) * 0.5 + phases.view(-1, 1, 1) * 1.57).sin() + Uniform(count, 2, 24) * 0.2;
        var words = Whole(20, count, 6);
        var ages = Uniform(count) * 60 + 20;
        var colours = Whole(2, count) + 1;
        var prices = stack([ages * 2, ages * 2 + colours.to(ScalarType.Float32) * 10], 1);
        prices[2, 0] = float.NaN;
        var shown = ages.clone();
        shown[3] = double.NaN;
        var records = stack([shown.to(ScalarType.Float64), colours.to(ScalarType.Float64)], 1);
        return
        [
            Source("photos", [("photo", photos)], [("kind", kinds)]),
            Source("signals", [("signal", signals)], [("phase", phases)]),
            Source("texts", [("words", words)], [("topic", (words[.., 0] > 9).to(ScalarType.Int64))]),
            Source("pairs", [("bands", bands), ("record", records)], [("tags", tags), ("price", prices), ("joint", (bright + colours > 1).to(ScalarType.Int64))]),
        ];

        string Key(string its) => KeyOf(its, name);
        DataSource Source(string title, (string Name, Tensor Values)[] inputs, (string Name, Tensor Values)[] targets) => new TensorSource(
            name(title),
            inputs.ToDictionary(its => Key(its.Name), its => its.Values.DetachFromDisposeScope()),
            targets.ToDictionary(its => Key(its.Name), its => its.Values.DetachFromDisposeScope()))
        {
            BatchSize = 16,
        };
    }

    /// <summary>The name of an input or task, which is part of the names of weights: up to 100 letters and digits.</summary>
    public static string KeyOf(string its, Func<string, string> name) => name(its) is { Length: > 100 } ? $"{its}_{new string('x', 100)}"[..100] : its;

    /// <summary>Trains it a little, in two phases.</summary>
    public static (TrainingHistory History, TrainingRecord Record) Train(MultiInputModel model, IReadOnlyList<DataSource> samples, IReadOnlyList<DataSource>? validation = null)
    {
        var record = new TrainingRecord();
        var trainer = new Trainer(model, new() { Phases = [new(3), new(2, Parts.Heads())], StepsPerEpoch = 8, LearningRate = 3e-3 });
        return (trainer.Fit(samples, validation, record), record);
    }
}
