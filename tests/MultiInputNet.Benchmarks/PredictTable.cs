using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using MultiInputNet;
using MultiInputNet.Hosting;
using MultiInputNet.Onnx;
using Spectre.Console;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using TensorElementType = Microsoft.ML.OnnxRuntime.Tensors.TensorElementType;

/// <summary>
/// A <see cref="Predictor"/> against ONNX Runtime with the same weights and against <c>forward</c>, each in turns, in a process that keeps
/// freed memory and in one that does not.
/// </summary>
internal static class PredictTable
{
    private const int Threads = 2;
    private const int Callers = 8;
    private const int Starts = 5;

    private static readonly string folder = Path.Combine(Path.GetTempPath(), "multi-input-net-predict");

    private static readonly (string Name, BaseSpec Base, int Size, int[] Batches)[] networks =
    [
        ("resnet18", Bases.ResNet18(), 224, [1, 8, 32]),
        ("mobilenet_v3_small", Bases.MobileNetV3Small(), 224, [1, 8, 32]),
        ("efficientnet_b0", Bases.EfficientNetB0(), 224, [1, 8, 32]),
        ("small_3", Bases.ConvNet(3, 64, 128), 32, [1, 8, 64]),
        ("small_16", Bases.ConvNet(16, 64, 128), 32, [1, 8, 64]),
    ];

    /// <summary>Whether this process is one of those that measure, started by the one that prints.</summary>
    public static bool IsPart(string[] args) => args is ["predict-part" or "predict-start", ..];

    /// <summary>Measures in processes of their own, and prints.</summary>
    public static int Print(int pairs, string only)
    {
        Directory.CreateDirectory(folder);
        foreach (var (name, spec, size, _) in networks.Where(network => !File.Exists(Model(network.Name))))
            WriteModel(name, spec, size);
        if (networks.FirstOrDefault(network => !File.Exists(Onnx(network.Name))).Name is { } missing)
        {
            Console.Error.WriteLine(
                $"'{Onnx(missing)}' is missing. Write it with a Python that has torch and torchvision (Debian: python3-torch, python3-torchvision):\n" +
                $"/usr/bin/python3 tests/MultiInputNet.Benchmarks/export.py {folder}");
            return 1;
        }

        // Each network in a process of its own: what memory is free depends on what ran before.
        string[][] Rows(string memory) => [.. networks.Where(network => network.Name.Contains(only, StringComparison.Ordinal))
            .SelectMany(network => Run(["predict-part", memory, pairs.ToString(CultureInfo.InvariantCulture), network.Name]))];
        var (kept, left) = (Rows("keep"), Rows("leave").Where(row => row[0] == "batch").ToArray());
        var batches = new Table().Border(TableBorder.Markdown)
            .AddColumns("network", "batch", "ONNX Runtime", "quartiles", "forward", "quartiles", "ONNX Runtime, not kept", "forward, not kept", "predictor, ms", "difference", "OnnxPredictor over ONNX Runtime", "quartiles");
        foreach (var row in kept.Where(row => row[0] == "batch"))
        {
            var other = left.Single(other => other[1] == row[1] && other[2] == row[2]);
            batches.AddRow(row[1], row[2], row[3], row[4], row[5], row[6], other[3], other[5], row[7], row[8], row[9], row[10]);
        }

        AnsiConsole.WriteLine($"Time of the other divided by time of the predictor, above 1 if the predictor is faster; {pairs} interleaved pairs, {Threads} threads.");
        AnsiConsole.Write(batches);

        var latencies = new Table().Border(TableBorder.Markdown)
            .AddColumns("batch of 1, ms", "predictor, median", "99th percentile", "ONNX Runtime, median", "99th percentile", "first answer, predictor", "first answer, ONNX Runtime");
        foreach (var row in kept.Where(row => row[0] == "latency"))
            latencies.AddRow([.. row[1..], First(row[1], "predictor"), First(row[1], "onnx")]);
        AnsiConsole.Write(latencies);
        foreach (var row in kept.Where(row => row[0] == "callers"))
        {
            AnsiConsole.WriteLine(
                $"{Callers} callers of {row[1]}, one sample each, throughput with dynamic batching over a predictor without: {row[2]} ({row[3]}), " +
                $"over the model without: {row[4]} ({row[5]}); {row[6]} ms for one answer of each.");
        }

        return 0;
    }

    /// <summary>What a process of its own measures.</summary>
    public static void RunPart(string[] args)
    {
        set_num_threads(Threads);
        if (args is ["predict-start", var engine, var name])
        {
            var network = networks.Single(network => network.Name == name);
            using var x = zeros(1, 3, network.Size, network.Size);
            using IDisposable predictor = engine == "onnx" ? new OnnxModel(Onnx(name)) : Predictor.Load(Model(name), new() { Device = CPU });
            Answer(predictor, x);
            return;
        }

        if (args[1] == "keep")
            FreedMemory.Keep();
        Measure(int.Parse(args[2], CultureInfo.InvariantCulture), networks.Single(network => network.Name == args[3]), all: args[1] == "keep");
    }

    private static void Measure(int pairs, (string Name, BaseSpec Base, int Size, int[] Batches) network, bool all)
    {
        var (name, _, size, counts) = network;
        using var model = MultiInputModel.Load(Model(name), CPU);
        using var predictor = Predictor.Load(Model(name), new() { Device = CPU });
        using var onnx = new OnnxModel(Onnx(name));
        model.ExportOnnx(Exported(name));
        using var engine = OnnxPredictor.Load(Exported(name), new() { Device = DeviceType.CPU, Threads = Threads });
        using var byHand = new OnnxModel(Exported(name), "x_probabilities");
        foreach (var count in counts)
        {
            using var x = rand(count, 3, size, size);
            void Ours() => Answer(predictor, x);
            var against = new Comparison(name, () => onnx.Run(x), Ours).Run(pairs);
            var forward = new Comparison(name, () => Forward(model, x), Ours).Run(pairs);
            var over = new Comparison(name, () => Answer(engine, x), () => byHand.Run(x)).Run(pairs);
            Say("batch", name, count, Text(against.Median), Quartiles(against), Text(forward.Median), Quartiles(forward), $"{against.Milliseconds:0.00}", $"{Difference(onnx, predictor, x):0e0}", Text(over.Median), Quartiles(over));
        }

        if (!all)
            return;
        using var one = rand(1, 3, size, size);
        var times = (Ours: new List<double>(), Onnx: new List<double>());
        for (var i = 0; i < 300; i++)
        {
            times.Ours.Add(Time(() => Answer(predictor, one)));
            times.Onnx.Add(Time(() => onnx.Run(one)));
        }

        Say(["latency", name, .. Percentiles(times.Ours), .. Percentiles(times.Onnx)]);
        if (name.StartsWith("small", StringComparison.Ordinal))
            MeasureCallers(name, model, predictor, one, pairs);
    }

    private static void MeasureCallers(string name, MultiInputModel model, Predictor predictor, Tensor one, int pairs)
    {
        // It disposes of what it is given.
        using var batching = new BatchingPredictor(Predictor.Load(Model(name), new() { Device = CPU }));
        using var callers = new ConcurrentCallers(Callers, new Dictionary<string, Tensor> { ["x"] = one });
        var against = callers.Compare(name, predictor, batching).Run(pairs);
        var forward = callers.Compare(name, model, batching).Run(pairs);
        Say("callers", name, Text(against.Median), Quartiles(against), Text(forward.Median), Quartiles(forward), $"{against.Milliseconds:0.00}");
    }

    private static void Answer(IDisposable engine, Tensor x)
    {
        if (engine is IPredictor predictor)
            predictor.PredictBatch(new Dictionary<string, Tensor> { ["x"] = x });
        else
            ((OnnxModel)engine).Run(x);
    }

    private static void Forward(MultiInputModel model, Tensor x)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        model.forward(x, "x");
    }

    /// <summary>The largest difference between probabilities: that both compute the same.</summary>
    private static double Difference(OnnxModel onnx, Predictor predictor, Tensor x)
    {
        using var scope = NewDisposeScope();
        var expected = tensor(onnx.Run(x)).view(x.shape[0], -1).softmax(1);
        var answers = predictor.PredictBatch(new Dictionary<string, Tensor> { ["x"] = x })["x"];
        return answers.Index().Max(answer => answer.Item.Classes.Index().Max(named => Math.Abs(named.Item.Probability - expected[answer.Index, named.Index].ToDouble())));
    }

    private static void WriteModel(string name, BaseSpec spec, int size)
    {
        random.manual_seed(0);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = MultiInputModel.Define()
            .Input("x", Inputs.Image(3, size, size), spec.Channels == 3 && size > 32 ? Projections.Identity() : null)
            .Base(spec).Fusion(Fusions.GlobalAverage()).Task("x", Heads.Classification(10)).Build(CPU);
        // Statistics of a batch, or the maps of mobile networks with random weights would vanish, and all images have one answer.
        foreach (var norm in model.modules().OfType<BatchNorm>())
        {
            norm.weight!.uniform_(0.5, 1.5);
            norm.bias!.normal_(0, 0.2);
            norm.momentum = 1;
        }

        model.train();
        model.forward(rand(8, 3, size, size), "x");
        model.Save(Model(name));
    }

    private static string Model(string name) => Path.Combine(folder, $"{name}.safetensors");

    /// <summary>The network as this library exports it.</summary>
    private static string Exported(string name) => Path.Combine(folder, $"{name}.exported.onnx");

    private static string Onnx(string name) => Path.Combine(folder, $"{name}.onnx");

    /// <summary>The median time from starting a process until it has answered and ended, in ms.</summary>
    private static string First(string name, string engine)
    {
        var times = Enumerable.Range(0, Starts).Select(_ => Time(() => Run(["predict-start", engine, name]))).Order().ToArray();
        return $"{times[Starts / 2]:0}";
    }

    /// <summary>Runs this program, and gives the rows that it says.</summary>
    private static string[][] Run(string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(PredictTable).Assembly.Location, .. arguments]) { RedirectStandardOutput = true })!;
        var rows = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).ToArray();
        process.WaitForExit();
        return process.ExitCode == 0 ? rows : throw new InvalidOperationException($"{string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }

    private static void Say(params object[] row) => Console.Out.WriteLine(string.Join('\t', row));

    private static string Text(double ratio) => $"{ratio:0.00}";

    private static string Quartiles(Ratios ratios) => $"{ratios.LowerQuartile:0.00} to {ratios.UpperQuartile:0.00}";

    private static string[] Percentiles(List<double> times)
    {
        times.Sort();
        return [$"{times[times.Count / 2]:0.00}", $"{times[times.Count * 99 / 100]:0.00}"];
    }

    private static double Time(Action action)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    /// <summary>A network in ONNX Runtime, which must not spin: it would take the processor from whatever runs next.</summary>
    private sealed class OnnxModel : IDisposable
    {
        private readonly SessionOptions options = new() { IntraOpNumThreads = Threads };
        private readonly RunOptions run = new();
        private readonly InferenceSession session;

        private readonly string output;

        public OnnxModel(string path, string output = "y")
        {
            this.output = output;
            options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
            session = new(path, options);
        }

        /// <summary>Runs it on the tensor's own memory: copying it would count against ONNX Runtime.</summary>
        public unsafe float[] Run(Tensor x)
        {
            fixed (byte* memory = x.bytes)
            {
                using var input = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, TensorElementType.Float, x.shape, (nint)memory, x.bytes.Length);
                using var results = session.Run(run, ["x"], [input], [output]);
                return results[0].GetTensorDataAsSpan<float>().ToArray();
            }
        }

        public void Dispose()
        {
            session.Dispose();
            run.Dispose();
            options.Dispose();
        }
    }
}
