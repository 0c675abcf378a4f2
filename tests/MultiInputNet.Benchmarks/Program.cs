using System.Diagnostics;
using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Training;
using Spectre.Console;
using static TorchSharp.torch;

// Interleaved A/B ratios: dotnet run -c Release --project tests/MultiInputNet.Benchmarks [-- PAIRS]
// Rows whose title has a text: dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- rows TEXT [PAIRS]
// The table of the published bases: dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- bases [PAIRS]
// Batch normalisation shared by inputs, with three seeds: dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- normalization [STEPS]
// A large CSV file against pandas (Debian's python3-pandas): dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- csv [REPEATS]
// A predictor against ONNX Runtime and forward: dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- predict [NETWORK] [PAIRS]
// Training with freed memory kept and returned: dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- memory [PAIRS]
// A served model, concurrent callers with and without batching: dotnet run -c Release --project tests/MultiInputNet.Benchmarks -- serve [PAIRS]
if (args is ["memory-part", var part, var mode])
{
    TrainingMemory.RunPart(int.Parse(part, System.Globalization.CultureInfo.InvariantCulture), mode);
    return 0;
}

if (PredictTable.IsPart(args))
{
    PredictTable.RunPart(args);
    return 0;
}

FreedMemory.Keep();
var pairs = args.LastOrDefault() is { } last && int.TryParse(last, out var given) ? given : 41;
if (Console.IsOutputRedirected)
    AnsiConsole.Profile.Width = 140;
if (args is ["predict", ..])
    return PredictTable.Print(args.Length > 1 && args[^1] == $"{pairs}" ? pairs : 11, args is [_, var network, ..] && network != $"{pairs}" ? network : "");
if (args.FirstOrDefault() == "memory")
{
    AnsiConsole.Write(TrainingMemory.Measure(pairs));
    return 0;
}

if (args.FirstOrDefault() == "serve")
{
    AnsiConsole.Write(ServingTable.Measure(pairs: args.Length > 1 ? pairs : 15));
    return 0;
}

if (args.FirstOrDefault() == "normalization")
{
    AnsiConsole.Write(NormalizationTable.Measure(steps: args.Length > 1 ? pairs : 300, seeds: 3));
    return 0;
}

if (args.FirstOrDefault() == "csv")
{
    AnsiConsole.Write(CsvBenchmark.Measure(repeats: args.Length > 1 ? pairs : 5));
    return 0;
}

if (args.FirstOrDefault() == "bases")
{
    AnsiConsole.Write(BaseTable.Measure(pairs));
    return 0;
}

const int size = 32;
int[] inputChannels = [1, 3, 4];
int[] classes = [10, 5, 6];

random.manual_seed(0);
var table = new Table().Border(TableBorder.Markdown);
table.AddColumns("library against", "median ratio", "quartiles", "library, ms");
AnsiConsole.Status().Start("Measuring", status =>
{
    var text = args is ["rows", var title, ..] ? title : "";
    foreach (var comparison in Comparisons().Where(comparison => comparison.Title.Contains(text, StringComparison.Ordinal)))
    {
        status.Status(Markup.Escape(comparison.Title));
        var ratios = comparison.Run(pairs);
        table.AddRow(
            comparison.Title,
            $"{ratios.Median:0.00}",
            $"{ratios.LowerQuartile:0.00} to {ratios.UpperQuartile:0.00}",
            $"{ratios.Milliseconds:0.00}");
    }
});
AnsiConsole.WriteLine($"Time of the other divided by time of the library, above 1 if the library is faster; {pairs} interleaved pairs, {get_num_threads()} threads.");
AnsiConsole.Write(table);
return 0;

IEnumerable<Comparison> Comparisons()
{
    foreach (var baseChannels in new[] { 3, 16 })
    {
        using var library = Library(baseChannels);
        using var plain = new PlainNetwork(inputChannels, baseChannels, size, classes);
        using var hand = new HandWrittenNetwork(inputChannels, baseChannels, size, classes);
        var (one, labels) = Batch(64);
        foreach (var (name, other) in new (string, nn.Module<Tensor, int, Tensor>)[] { ("plain TorchSharp", plain), ("hand-written", hand) })
        {
            Tensor InLibrary(int i) => library.forward(one[i], i);
            Tensor InOther(int i) => other.call(one[i], i);
            // Training first: the allocator of a process that has only predicted gives every large block back to the system.
            yield return new($"{name}, training, {baseChannels} base channels", Training(other, InOther, labels), Training(library, InLibrary, labels));
            yield return new($"{name}, inference, {baseChannels} base channels", () => Infer(other, InOther), () => Infer(library, InLibrary));
        }
    }

    using var merging = Library(16);
    foreach (var count in new[] { 4, 16, 64 })
    {
        var (batch, labels) = Batch(count);
        var named = batch.Index().ToDictionary(pair => $"input{pair.Index}", pair => pair.Item);
        Action Merged(bool merges, Action run) => () =>
        {
            merging.MergesInputs = merges;
            run();
        };
        void InferAll()
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            merging.eval();
            merging.forward(named);
        }

        using var optimizer = optim.AdamW(merging.parameters());
        void TrainAll()
        {
            using var scope = NewDisposeScope();
            merging.train();
            optimizer.zero_grad();
            var outputs = merging.forward(named);
            var losses = labels.Select((label, i) => nn.functional.cross_entropy(outputs[$"input{i}"], label));
            losses.Aggregate((sum, loss) => sum + loss).backward();
            optimizer.step();
        }

        yield return new($"one by one, 3 inputs of {count}, inference", Merged(false, InferAll), Merged(true, InferAll));
        yield return new($"one by one, 3 inputs of {count}, training", Merged(false, TrainAll), Merged(true, TrainAll));
    }

    {
        using var full = Library(16);
        using var frozen = Library(16);
        frozen.Freeze(Parts.Base);
        var (one, labels) = Batch(64);
        yield return new("full training, step with a frozen base", Training(full, i => full.forward(one[i], i), labels), Training(frozen, i => frozen.forward(one[i], i), labels));
    }

    {
        using var model = Library(16);
        model.Freeze(Parts.Base, Parts.Projections());
        var (samples, labels) = Batch(640);
        var sources = samples.Index().Select(pair => new TensorSource($"input{pair.Index}", pair.Item, labels[pair.Index])).ToArray();
        yield return new(
            "head training that runs the base, epoch with features reused",
            repeats => EpochTime(model, sources, repeats, cacheBytes: 0),
            repeats => EpochTime(model, sources, repeats, cacheBytes: 1L << 30));
    }

    {
        using var photos = new PhotoFolder();
        yield return new("evaluation from files, read and run in turns", photos.ReadAndRunInTurns, photos.Evaluate);
    }
}

// Milliseconds of an epoch, the first, in which features are computed, not among them.
static double EpochTime(MultiInputModel model, TensorSource[] sources, int repeats, long cacheBytes)
{
    var (start, end) = (0L, 0L);
    new Trainer(model, new() { Epochs = 1 + repeats, FeatureCacheBytes = cacheBytes }).Fit(sources, progress: new Now(step =>
    {
        if (step.EpochResult is null)
            return;
        end = Stopwatch.GetTimestamp();
        start = start == 0 ? end : start;
    }));
    return Stopwatch.GetElapsedTime(start, end).TotalMilliseconds / repeats;
}

MultiInputModel Library(int baseChannels)
{
    var builder = MultiInputModel.Define().Base(Bases.ConvNet(baseChannels, 64, 128));
    foreach (var (i, channels) in inputChannels.Index())
        builder.Input($"input{i}", Inputs.Image(channels, size, size)).Task($"input{i}", Heads.Classification(classes[i]));
    return builder.Build(CPU);
}

(Tensor[] Inputs, Tensor[] Labels) Batch(int count) => (
    [.. inputChannels.Select(channels => rand(count, channels, size, size))],
    [.. classes.Select(several => randint(several, [count]).to(ScalarType.Int64))]);

void Infer(nn.Module model, Func<int, Tensor> forward)
{
    using var noGrad = no_grad();
    using var scope = NewDisposeScope();
    model.eval();
    for (var i = 0; i < inputChannels.Length; i++)
        forward(i);
}

Action Training(nn.Module model, Func<int, Tensor> forward, Tensor[] labels)
{
    var optimizer = optim.AdamW(model.parameters());
    return () =>
    {
        model.train();
        for (var i = 0; i < inputChannels.Length; i++)
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            nn.functional.cross_entropy(forward(i), labels[i]).backward();
            optimizer.step();
        }
    };
}

/// <summary>Reports at once.</summary>
internal sealed class Now(Action<TrainingProgress> report) : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) => report(value);
}
