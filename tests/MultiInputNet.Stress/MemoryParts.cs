using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Training;
using MultiInputNet.Weights;
using static TorchSharp.torch;

namespace MultiInputNet.Stress;

/// <summary>
/// What must not take much memory. Each part runs in a process of its own and never asks for a garbage collection: memory is measured as
/// the system sees it, resident in the process, native and managed together.
/// </summary>
internal static class MemoryParts
{
    private const long MB = 1 << 20;
    private const int Many = 65_536;

    /// <summary>The tensors of batches that may be read ahead at one time and not at another; a training of 300 steps that left one a step would leave more.</summary>
    private const int ReadAhead = 100;

    /// <summary>The parts by their names; each is given about how long it runs, and tells what it measured.</summary>
    public static IReadOnlyDictionary<string, Func<TimeSpan, string>> All { get; } = new Dictionary<string, Func<TimeSpan, string>>
    {
        ["classes"] = _ => Classes(),
        ["loads"] = Loads,
        ["model files"] = _ => ModelFiles(),
        ["tables"] = _ => Tables(),
        ["images"] = _ => ImageFileSizes(),
        ["trainings"] = Trainings,
        ["predictions"] = Predictions,
    };

    /// <summary>Trains and evaluates a head of many classes: a table of pairs of classes would take 17 GB and more, and time to match.</summary>
    private static string Classes()
    {
        var (few, many) = (Many / 16, Many);
        TrainClasses(few);
        var fewTime = ProcessorTime(() => TrainClasses(few));
        var growth = Peak(() => TrainClasses(many), out var manyTime);
        Require(growth, 1536 * MB, $"a training and an evaluation with {many:N0} classes");
        var factor = manyTime / fewTime;
        if (factor > 64)
            throw new StressException($"16 times the classes take {factor:0} times the time.");
        return FormattableString.Invariant($"{many:N0} classes take {growth / MB:N0} MB, and {factor:0.0} times the processor time of {few:N0}");
    }

    private static void TrainClasses(int classes)
    {
        using var scope = NewDisposeScope();
        using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(2, 4)).Fusion(Fusions.GlobalAverage())
            .Task("t", Heads.Classification(classes)).Build(CPU, seed: 1);
        DataSource[] sources = [new TensorSource("t", randn(640, 4), randint(classes, [640]).to(ScalarType.Int64)) { BatchSize = 32 }];
        new Trainer(model, new() { Epochs = 1 }).Fit(sources, validation: sources, new Progress<TrainingProgress>());
    }

    /// <summary>Builds and loads a model of 20 MB again and again.</summary>
    private static string Loads(TimeSpan time)
    {
        using var folder = new TemporaryFolder();
        var path = folder["model.safetensors"];
        using (var first = Build())
            first.Save(path);
        var builds = Growth(30, time / 2, () => Build().Dispose());
        var loads = Growth(60, time / 2, () => MultiInputModel.Load(path, CPU).Dispose());
        Require(builds.Bytes, 250 * MB, $"{builds.Count} builds of a model of 20 MB");
        Require(loads.Bytes, 250 * MB, $"{loads.Count} loads of a model of 20 MB");
        return FormattableString.Invariant($"{builds.Count} builds of a model of {new FileInfo(path).Length / MB} MB take up to {builds.Bytes / MB} MB, {loads.Count} loads {loads.Bytes / MB} MB");

        static MultiInputModel Build() => MultiInputModel.Define()
            .Input("rgb", Inputs.Image(3, 8, 8))
            .Base(Bases.ConvNet(3, 64, 512, 1024))
            .Fusion(Fusions.GlobalAverage())
            .Task("rgb", Heads.Classification(4))
            .Build(CPU);
    }

    /// <summary>Loads files of a small model whose description declares a huge image.</summary>
    private static string ModelFiles()
    {
        using var folder = new TemporaryFolder();
        var path = folder["model.safetensors"];
        using var model = MultiInputModel.Define().Input("a", Inputs.Image(1, 32, 32)).Base(Bases.ConvNet(32, 64, 64)).Fusion(Fusions.GlobalAverage())
            .Task("a", Heads.Classification(3)).Build(CPU);
        model.Save(path);
        const string Key = "multi_input_net.description";
        string json;
        using (var file = WeightFile.Open(path))
            json = file.Metadata[Key];
        var growths = new List<long>();
        foreach (var size in new[] { 3072, 16_384 })
        {
            var huge = json.Replace("\"height\": 32", $"\"height\": {size}", StringComparison.Ordinal).Replace("\"width\": 32", $"\"width\": {size}", StringComparison.Ordinal);
            WeightFile.Write(path, model.state_dict(), new Dictionary<string, string> { [Key] = huge });
            growths.Add(Peak(() => Refused(() => MultiInputModel.Load(path, CPU).Dispose(), "largestPass"), out _));
            Require(growths[^1], 1280 * MB, $"the refusal of a model file of {new FileInfo(path).Length / 1024} KB that declares an image of {size}²");
        }

        return FormattableString.Invariant($"files of {new FileInfo(path).Length / 1024} KB that declare images of 3,072² and 16,384² are refused in {growths[0] / MB} and {growths[1] / MB} MB");
    }

    /// <summary>Reads a small packed table of millions of rows, all but one of them broken.</summary>
    private static string Tables()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["train.csv"], "x,y\n1,a\n2,b\n");
        var schema = TableSchema.Infer(folder["train.csv"], ["y"]);
        var path = folder["broken.csv.gz"];
        using (var gzip = new GZipStream(File.Create(path), CompressionLevel.SmallestSize))
        {
            gzip.Write("x,y\n"u8);
            var rows = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("0\n", 100_000)));
            for (var i = 0; i < 240; i++)
                gzip.Write(rows);
            gzip.Write("1,a\n"u8);
        }

        CsvSource? source = null;
        var growth = Peak(() => source = new CsvSource("t", schema, path, onBroken: OnBroken.Skip), out _);
        if (source is not { Count: 1, Broken.Count: <= 1001 })
            throw new StressException($"of the broken table, {source!.Count} rows are read and {source.Broken.Count} listed.");
        Require(growth, 400 * MB, $"a packed table of {new FileInfo(path).Length / 1024} KB");
        return FormattableString.Invariant($"a packed table of {new FileInfo(path).Length / 1024} KB with 24,000,000 broken rows takes {growth / MB} MB");
    }

    /// <summary>Reads small PNG files of large images: at the bound, and beyond.</summary>
    private static string ImageFileSizes()
    {
        using var folder = new TemporaryFolder();
        var input = Inputs.Image(3, 64, 64);
        var growths = new List<(string Text, long Bytes)>();
        foreach (var (side, bits) in new[] { (16_384, 8), (8192, 8), (8192, 16) })
        {
            var path = folder[$"{side}.{bits}.png"];
            WritePng(path, side, bits);
            var isRefused = (long)side * side > ImageFiles.LargestImage;
            var growth = Peak(() =>
            {
                if (isRefused)
                    Refused(() => ImageFiles.Read(input, path).Dispose(), "pixels");
                else
                    ImageFiles.Read(input, path).Dispose();
            }, out _);
            var text = FormattableString.Invariant($"{new FileInfo(path).Length / 1024} KB for {side}² of {bits} bits");
            Require(growth, (isRefused ? 50 : 900) * MB, $"a PNG of {text}");
            growths.Add(((isRefused ? "the refusal of " : "") + text, growth));
        }

        return string.Join(", ", growths.Select(growth => FormattableString.Invariant($"{growth.Text} takes {growth.Bytes / MB} MB")));
    }

    /// <summary>Trains for hundreds of steps with all that a training can have: neither tensors nor memory grow.</summary>
    private static string Trainings(TimeSpan time)
    {
        using var folder = new TemporaryFolder();
        using var model = TrainingCase.Build();
        var (sources, validation) = TrainingCase.Sources(onValidation: null);
        var options = new TrainerOptions
        {
            Epochs = 1_000_000,
            StepsPerEpoch = 10,
            WeightAverageDecay = 0.99,
            EarlyStopping = new() { Patience = 1_000_000 },
            AccumulatedBatches = 2,
            Balancing = LossBalancing.PCGrad(),
            Checkpoints = new(folder["checkpoints"]) { EverySteps = 10 },
        };
        using var stop = new CancellationTokenSource();
        var clock = Stopwatch.StartNew();
        var (steps, tensors, before, growth) = (0L, 0L, 0L, 0L);
        var recent = new Queue<long>();
        try
        {
            new Trainer(model, options).Fit(sources, validation, new InterruptedTraining.Now(step =>
            {
                if (step.EpochResult is null)
                    return;
                steps = step.Step;
                if (steps < 60)
                    return;
                if (before == 0)
                    (tensors, before) = (Tensor.TotalCount, Resident());

                // For a moment, threads that read ahead may be slower than usual.
                recent.Enqueue(Tensor.TotalCount);
                if (recent.Count > 5)
                    recent.Dequeue();
                if (recent.Count == 5 && recent.Min() > tensors + ReadAhead)
                    throw new StressException($"{recent.Min() - tensors} more tensors are there after {steps} steps than after the first 60.");
                growth = Math.Max(growth, Resident() - before);
                if (steps >= 360 && clock.Elapsed >= time)
                    stop.Cancel();
            }), stop.Token);
        }
        catch (OperationCanceledException)
        {
            // After as many steps as there was time for.
        }

        Require(growth, 64 * MB, $"{steps} steps");
        return FormattableString.Invariant($"{steps} steps take {growth / MB} MB more than the first 60, and no tensors");
    }

    private static string Predictions(TimeSpan time)
    {
        using var model = TrainingCase.Build();
        model.eval();
        using var noGrad = no_grad();
        var inputs = new Dictionary<string, Tensor> { ["image"] = rand(64, 2, 8, 8), ["table"] = rand(64, 5) };
        var tensors = 0L;
        var (count, growth) = Growth(1000, time, () =>
        {
            foreach (var output in model.forward(inputs).Values)
                output.Dispose();
            model.forward(inputs["image"], "image").Dispose();
            tensors = tensors == 0 ? Tensor.TotalCount : tensors;
        });
        if (Tensor.TotalCount > tensors)
            throw new StressException($"{Tensor.TotalCount - tensors} more tensors are there after {count} predictions than after the first.");
        Require(growth, 64 * MB, $"{count} predictions");
        return FormattableString.Invariant($"{count} predictions of 128 samples take {growth / MB} MB more than the first, and no tensors");
    }

    /// <summary>Does something often, for some time at least, and gives the most memory that it has taken beyond what it took once.</summary>
    private static (int Count, long Bytes) Growth(int least, TimeSpan time, Action action)
    {
        action();
        var (clock, before, growth, count) = (Stopwatch.StartNew(), Resident(), 0L, 0);
        for (; count < least || clock.Elapsed < time; count++)
        {
            action();
            if (count % 10 == 9)
                growth = Math.Max(growth, Resident() - before);
        }

        return (count, growth);
    }

    /// <summary>The most memory of the process while something is done, beyond what there was before.</summary>
    private static long Peak(Action action, out double seconds)
    {
        var before = Resident();
        seconds = ProcessorTime(action);
        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 - before;
    }

    private static double ProcessorTime(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    private static long Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static void Require(long bytes, long most, string what)
    {
        if (bytes > most)
            throw new StressException(FormattableString.Invariant($"{what} took {bytes / MB:N0} MB; {most / MB:N0} are the bound."));
    }

    private static void Refused(Action action, string reason)
    {
        try
        {
            action();
        }
        catch (MultiInputException e) when (e.Message.Contains(reason, StringComparison.Ordinal))
        {
            return;
        }

        throw new StressException("a file that declares too much was read.");
    }

    /// <summary>Writes a black RGB image.</summary>
    private static void WritePng(string path, int side, int bits)
    {
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize))
        {
            var row = new byte[1 + side * 3 * bits / 8];
            for (var i = 0; i < side; i++)
                zlib.Write(row);
        }

        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, side);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), side);
        (header[8], header[9]) = ((byte)bits, 2);
        using var file = File.Create(path);
        file.Write([0x89, .. "PNG\r\n"u8, 0x1A, 0x0A]);
        foreach (var (type, content) in new (string, byte[])[] { ("IHDR", header), ("IDAT", packed.ToArray()), ("IEND", []) })
        {
            byte[] chunk = [0, 0, 0, 0, .. Encoding.ASCII.GetBytes(type), .. content, 0, 0, 0, 0];
            BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
            BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc32(chunk.AsSpan(4, content.Length + 4)));
            file.Write(chunk);
        }
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320 & (0 - (crc & 1)));
        }

        return ~crc;
    }

    /// <summary>A folder that is removed in the end.</summary>
    private sealed class TemporaryFolder : IDisposable
    {
        private readonly string folder = Directory.CreateTempSubdirectory("stress-").FullName;

        public string this[string name] => Path.Combine(folder, name);

        public void Dispose() => Directory.Delete(folder, recursive: true);
    }
}
