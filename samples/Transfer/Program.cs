using System.CommandLine;
using System.Diagnostics;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Onnx;
using MultiInputNet.Training;
using Spectre.Console;
using static TorchSharp.torch;

// Do ImageNet weights help when samples are few? A ResNet-18 with them is trained on few samples of images with various channels,
// frozen, its last stage or as a whole, beside the same model from scratch.
FreedMemory.Keep();
var folder = new Choice<string>("--fashion", "The folder of Fashion-MNIST.", text => text, "/usr/share/datasets/fashion-mnist");
var only = new Choice<string?>("--only", $"The only images: one of {string.Join(", ", Images.All.Select(images => images.Name))}. By default all.", text =>
    Images.All.Any(images => images.Name == text) ? text : throw new FormatException($"there are no images '{text}'; use one of {string.Join(", ", Images.All.Select(images => images.Name))}."));
var size = new Choice<int>("--size", "The height and width to which images are enlarged.", text => CommandLine.Number(text, 32), "64");
var pool = new Choice<int>("--samples", "How many training samples of Fashion-MNIST there are to take 1 % and 10 % of.", text => CommandLine.Number(text, 1_000), "6000");
var test = new Choice<int>("--test", "How many test samples to measure with.", text => CommandLine.Number(text, 1), "500");
var steps = new Choice<int>("--steps", "Steps of training the base; the head is trained for five times as many before.", text => CommandLine.Number(text, 10), "60");
var seeds = new Choice<int>("--seeds", "How many times to repeat each training, with different samples.", text => CommandLine.Number(text, 1), "1");
var threads = new Choice<int?>("--threads", "Threads to compute with. By default as many as there are cores.", text => CommandLine.Number(text, 1));
var command = new RootCommand("Compares training with ImageNet weights with training from scratch, on few samples.") { folder, only, size, pool, test, steps, seeds, threads };
command.SetAction(arguments =>
{
    if (threads.Of(arguments) is { } count)
        set_num_threads(count);
    try
    {
        var comparison = new Comparison(size.Of(arguments), test.Of(arguments), steps.Of(arguments), seeds.Of(arguments));
        comparison.Run(folder.Of(arguments), pool.Of(arguments), Images.All.Where(images => (only.Of(arguments) ?? images.Name) == images.Name));
        return 0;
    }
    catch (MultiInputException e)
    {
        Console.Error.WriteLine($"{e.Message} Fashion-MNIST on Debian: apt-get install dataset-fashion-mnist.");
        return 1;
    }
});
return CommandLine.Run(command, args);

/// <summary>The comparison, which prints its table.</summary>
internal sealed class Comparison(int size, int tests, int steps, int seeds)
{
    private const int BatchSize = 16;
    private const int StepsPerEpoch = 10;

    private static readonly Way[] ways =
    [
        new("from scratch", IsPretrained: false, 1e-3, []),
        new("frozen", IsPretrained: true, 3e-3, [Parts.Heads()]),
        new("last stage", IsPretrained: true, 3e-3, [Parts.Heads(), Parts.LastBaseStages(1).At(0.1)]),
        new("all", IsPretrained: true, 3e-3, [Parts.Heads(), Parts.Projections().At(0.1), Parts.Base.At(0.1)]),
    ];

    public void Run(string folder, int samples, IEnumerable<Images> chosen)
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 160;
        var table = new Table().Border(TableBorder.Markdown).AddColumns("images", "training samples");
        foreach (var way in ways)
            table.AddColumn(new TableColumn(way.Name).RightAligned());
        foreach (var images in chosen)
        {
            var (training, test) = images.Read(folder);
            foreach (var share in new[] { 0.01, 0.1 })
            {
                var count = (int)(share * Math.Min(samples, training.Count));
                string[] cells = [.. ways.Select(way => Cell(images, training, test, count, way))];
                table.AddRow([images.Title, $"{count:N0} ({share:P0})", .. cells]);
            }
        }

        AnsiConsole.Write(table);
    }

    private string Cell(Images images, Samples training, Samples test, int count, Way way)
    {
        var time = Stopwatch.StartNew();
        var values = Enumerable.Range(0, seeds).Select(seed => Measure(images, training, test, count, way, seed)).ToArray();
        Console.Error.WriteLine(FormattableString.Invariant($"{images.Name}, {count} samples, {way.Name}: {string.Join(", ", values.Select(value => $"{value:0.0}"))} in {time.Elapsed.TotalSeconds:0} s"));
        return seeds == 1 ? $"{values[0]:0.0}" : $"{values.Average():0.0} ({values.Min():0.0} to {values.Max():0.0})";
    }

    // The seed draws the training samples and everything else that is random. No test sample is looked at before the end.
    private double Measure(Images images, Samples training, Samples test, int count, Way way, int seed)
    {
        using var scope = NewDisposeScope();
        var chance = new Generator((ulong)seed);
        var source = training.Take(randperm(training.Count, generator: chance)[..count], images, size, chance);
        var channels = images.Channels;
        var input = Inputs.Image(channels, size, size);

        // The model standardises RGB as ImageNet's photos were.
        using var model = MultiInputModel.Define()
            .Input("image", channels == 3 ? input : input.StandardizedBy(source), channels == 3 ? null : Projections.AdaptedStem(channels == 1 ? StemMethod.Mean : StemMethod.Repeat))
            .Base(Bases.ResNet18())
            .Fusion(Fusions.GlobalAverage())
            .Task("image", Heads.Classification(images.Classes, labelSmoothing: 0.1))
            .Build(seed: seed);
        if (way.IsPretrained)
            model.LoadImageNetWeights();

        // The head first, on features that are computed once, so that the base is not trained towards a random head.
        TrainingPhase head = new(5 * steps / StepsPerEpoch, Parts.Heads());
        TrainingPhase[] phases = way.Parts.Length == 0 ? [new(steps / StepsPerEpoch)]
            : way.Parts.Length == 1 ? [head]
            : [head, new(steps / StepsPerEpoch, way.Parts)];
        new Trainer(model, new() { Phases = phases, StepsPerEpoch = StepsPerEpoch, LearningRate = way.LearningRate, Seed = seed }).Fit([source]);
        var held = test.Take(randperm(test.Count, generator: new Generator(0))[..Math.Min(tests, (int)test.Count)], images, size, new Generator(1));
        return 100 * new Trainer(model).Evaluate([held])["image"].PrimaryValue;
    }

    /// <summary>A way to train; without parts, everything.</summary>
    private sealed record Way(string Name, bool IsPretrained, double LearningRate, PartRate[] Parts);

    internal static TensorSource Source(Tensor images, Tensor labels) => new("image", images, labels) { BatchSize = BatchSize };
}

/// <summary>Samples as they are read: small images of one or several channels; those of Fashion-MNIST from 0 to 1.</summary>
internal sealed record Samples(Tensor Values, Tensor Labels)
{
    public long Count => Labels.shape[0];

    /// <summary>Some of them as images of a size.</summary>
    public TensorSource Take(Tensor rows, Images images, int size, Generator chance)
    {
        using var scope = NewDisposeScope();
        var values = nn.functional.interpolate(Values.index_select(0, rows), size: [size, size], mode: InterpolationMode.Bilinear, align_corners: false);
        return Comparison.Source(images.See(values, chance).contiguous().MoveToOuterDisposeScope(), Labels.index_select(0, rows).MoveToOuterDisposeScope());
    }
}

/// <summary>A kind of images.</summary>
internal sealed record Images(string Name, string Title, int Channels, int Classes, Func<Tensor, Generator, Tensor> See, Func<string, (Samples Training, Samples Test)> Read)
{
    /// <summary>
    /// Fashion-MNIST in gray, and as other cameras might see it: no data set with colours or bands and enough images comes with Debian. Digits and landsat
    /// are QuickStart's, images of 8×8 and 3×3.
    /// </summary>
    public static IReadOnlyList<Images> All { get; } =
    [
        new("gray", "Fashion-MNIST, gray", 1, 10, (x, _) => x, Fashion),
        new("rgb", "Fashion-MNIST, coloured", 3, 10, Coloured, Fashion),
        new("two", "Fashion-MNIST, 2 bands", 2, 10, (x, chance) => cat([Noisy(x, chance), Edges(x)], 1), Fashion),
        new("six", "Fashion-MNIST, 6 bands", 6, 10, (x, chance) => cat([x.pow(0.5), 1 - x, Edges(x), Noisy(x * 0.3, chance), Noisy(1 - x.pow(2), chance), Noisy(x, chance)], 1), Fashion),
        new("digits", "digits (8×8)", 1, 10, (x, _) => x, _ => Embedded("digits")),
        new("landsat", "landsat (4 bands, 3×3)", 4, 6, (x, _) => x, _ => Embedded("landsat")),
    ];

    // Each image has a colour of its own on a background of another.
    private static Tensor Coloured(Tensor x, Generator chance)
    {
        var (colour, background) = (rand([x.shape[0], 3, 1, 1], generator: chance), rand([x.shape[0], 3, 1, 1], generator: chance));
        return x * colour + (1 - x) * background;
    }

    private static Tensor Noisy(Tensor x, Generator chance) => x + 0.1 * randn(x.shape, generator: chance);

    private static Tensor Edges(Tensor x) => nn.functional.max_pool2d(x, 3L, 1L, 1L) + nn.functional.max_pool2d(-x, 3L, 1L, 1L);

    private static (Samples Training, Samples Test) Fashion(string folder)
    {
        return (Read("train"), Read("t10k"));

        Samples Read(string part)
        {
            var images = Path.Combine(folder, $"{part}-images-idx3-ubyte.gz");
            var source = IdxFile.ReadSource("image", images, images.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal));
            return new(source.Inputs["image"], source.Targets["image"]);
        }
    }

    private static (Samples Training, Samples Test) Embedded(string name)
    {
        var set = DataSet.All.First(set => set.Name == name);
        var (samples, labels) = set.Read();
        Samples Take(Range rows) => new(samples[rows], labels[rows]);
        return (Take(..set.TrainingRows), Take(set.TrainingRows..));
    }
}
