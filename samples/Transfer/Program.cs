using System.CommandLine;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Terminal;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using Spectre.Console;
using static TorchSharp.torch;

// Does a pretrained base help when samples are few? A base is pretrained on five classes of Fashion-MNIST and then trained on small
// subsets of other data, compared with the same model trained from scratch.
FreedMemory.Keep();
const string weightFile = "pretrained.safetensors";
var folder = new Choice<string>("--fashion", "The folder of Fashion-MNIST.", text => text, "/usr/share/datasets/fashion-mnist");
var seeds = new Choice<int>("--seeds", "How many times to repeat each training, with different samples.", text => CommandLine.Number(text, 1), "3");
var epochs = new Choice<int>("--pretraining-epochs", $"Epochs of pretraining; with 0, {weightFile} of an earlier run is used.", text => CommandLine.Number(text, 0), "5");
var steps = new Choice<int>("--steps", "Steps per training.", text => CommandLine.Number(text, 1), "400");
var threads = new Choice<int?>("--threads", "Threads to compute with. By default as many as there are cores.", text => CommandLine.Number(text, 1));
var command = new RootCommand("Compares training from scratch with training from a pretrained base on few samples.") { folder, seeds, epochs, steps, threads };
command.SetAction(arguments =>
{
    if (CommandLine.FindOutputMistake("the current folder", weightFile) is { } mistake)
    {
        Console.Error.WriteLine(mistake);
        return 1;
    }

    if (threads.Of(arguments) is { } count)
        set_num_threads(count);
    try
    {
        Run(folder.Of(arguments), seeds.Of(arguments), epochs.Of(arguments), steps.Of(arguments));
        return 0;
    }
    catch (MultiInputException e)
    {
        Console.Error.WriteLine($"{e.Message} On Debian: apt-get install dataset-fashion-mnist.");
        return 1;
    }
});
return CommandLine.Run(command, args);

static void Run(string folder, int seeds, int epochs, int steps)
{
    if (Console.IsOutputRedirected)
        AnsiConsole.Profile.Width = 160;
    if (epochs > 0)
        Pretrain(Fashion(folder, firstClass: 0), epochs);
    (string Name, Data Data)[] targets = [("Fashion-MNIST, five other classes", Fashion(folder, firstClass: 5)), ("digits", Embedded("digits")), ("landsat", Embedded("landsat"))];
    (string Name, bool Pretrained, bool Frozen)[] ways = [("from scratch", false, false), ("pretrained, all trained", true, false), ("pretrained, base frozen", true, true)];
    var table = new Table().Border(TableBorder.Markdown).AddColumns("data", "training samples");
    foreach (var way in ways)
        table.AddColumn(new TableColumn(way.Name).RightAligned());
    foreach (var (name, data) in targets)
    {
        foreach (var share in new[] { 0.01, 0.1 })
        {
            var samples = (int)(share * data.Training.Count);
            string[] cells =
            [
                .. ways.Select(way =>
                {
                    var values = Enumerable.Range(0, seeds).Select(seed => FineTune(data, samples, seed, way.Pretrained, way.Frozen, steps)).ToArray();
                    Console.Error.WriteLine($"{name}, {samples} samples, {way.Name}: {string.Join(", ", values.Select(value => $"{value:0.0}"))}");
                    return $"{values.Average():0.0} ({values.Min():0.0} to {values.Max():0.0})";
                }),
            ];
            table.AddRow([name, $"{samples:N0} ({share:P0})", .. cells]);
        }
    }

    AnsiConsole.Write(table);
}

static void Pretrain(Data data, int epochs)
{
    using var model = Build(data, data.Training, seed: 0);
    using (var progress = new ConsoleProgress { Title = "pretraining" })
        new Trainer(model, new() { Epochs = epochs, LearningRate = 3e-3 }).Fit([data.Training], progress: progress);
    model.Save(weightFile);
    var accuracy = Evaluate(model, data);
    Console.Error.WriteLine($"pretrained: {accuracy:0.0} % of the test images of its own five classes");
}

// The seed draws the training samples; all test samples are used, once.
static double FineTune(Data data, int samples, int seed, bool pretrained, bool frozen, int steps)
{
    using var scope = NewDisposeScope();
    using var order = randperm(data.Training.Count, generator: new Generator((ulong)seed));
    var training = data.Training.Subset([.. order.data<long>().Take(samples)]);
    using var model = Build(data, training, seed);
    if (pretrained)
    {
        // A projection from gray images fits other gray images; everything else but the base is new.
        using var file = WeightFile.Open(weightFile);
        model.LoadWeights(file, new() { Strict = false, Ignore = ["output_layers.*", "input_standardizations.*"] });
    }

    if (frozen)
        model.Freeze(Parts.Base);
    new Trainer(model, new() { Epochs = 1, StepsPerEpoch = steps, LearningRate = 2e-3, WeightAverageDecay = 0.99, Seed = seed }).Fit([training]);
    return Evaluate(model, data);
}

static double Evaluate(MultiInputModel model, Data data) => 100 * new Trainer(model, new()).Evaluate([data.Test])["image"].PrimaryValue;

static MultiInputModel Build(Data data, DataSource training, int seed) => MultiInputModel.Define()
    .Input("image", data.Input.StandardizedBy(training), Projections.Convolution(Normalization.Group, Activation.ReLU))
    .Base(Bases.ConvNet(32, 48, 96) with { Normalization = Normalization.Group })
    .Task("image", Heads.Classification(data.Classes, labelSmoothing: 0.1, dropout: 0.3))
    .Build(seed: seed);

// Five of the classes, beginning with firstClass, as classes 0 to 4.
static Data Fashion(string folder, int firstClass)
{
    return new(Inputs.Image(1, 28, 28), 5, Read("train"), Read("t10k"));

    TensorSource Read(string part)
    {
        using var scope = NewDisposeScope();
        var images = Path.Combine(folder, $"{part}-images-idx3-ubyte.gz");
        var source = IdxFile.ReadSource("image", images, images.Replace("images-idx3", "labels-idx1", StringComparison.Ordinal));
        var labels = source.Targets["image"] - firstClass;
        var rows = ((labels >= 0) & (labels < 5)).nonzero().flatten();
        return new("image", source.Inputs["image"].index_select(0, rows).DetachFromDisposeScope(), labels.index_select(0, rows).DetachFromDisposeScope()) { BatchSize = 64 };
    }
}

static Data Embedded(string name)
{
    var set = DataSet.All.First(set => set.Name == name);
    var (samples, labels) = set.Read();
    TensorSource Take(Range rows) => new("image", samples[rows], labels[rows]) { BatchSize = 64 };
    return new(set.Input, set.ClassNames.Length, Take(..set.TrainingRows), Take(set.TrainingRows..));
}

/// <summary>Images of some classes.</summary>
internal sealed record Data(InputSpec Input, int Classes, DataSource Training, DataSource Test);
