using System.Globalization;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using MultiInputNet.Data;
using MultiInputNet.Tests.Training;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests;

public sealed class MemoryTests
{
    [Fact]
    public void Tensors_and_memory_stay_flat_over_300_steps_and_300_predictions()
    {
        using var model = MultiInputModel.Define()
            .Input("gray", Inputs.Image(1, 16, 16).StandardizedBy(rand(9, 1, 16, 16)))
            .Input("rgb", Inputs.Image(3, 16, 16), Projections.Convolution(Normalization.Group, Activation.ReLU))
            .Input("sequence", Inputs.Sequence(2, 40))
            .Input("tokens", Inputs.Tokens(30, 20))
            .Input("table", Inputs.Tabular(5))
            .Input("bands", Inputs.Image(4, 16, 16))
            .Base(Bases.ConvNet(8, 16, 16) with { Normalization = Normalization.Batch, Residual = true })
            .Base(Bases.ConvNet(4, 6) with { Depth = 2, Pooling = Pooling.Average }, inputs: ["bands"], adapters: Adapters.Parallel)
            .Fusion(Fusions.GlobalAverage())
            .Task("gray", Heads.Classification(4, hidden: 8, dropout: 0.1), fusion: Fusions.Attention(4))
            .Task("tags", Heads.MultiLabel(3), from: ["rgb", "sequence", "tokens"], fusion: Fusions.Attention(4))
            .Task("joint", Heads.Regression(2), from: ["rgb", "table"], fusion: Fusions.Sum(Fusions.GlobalMax()))
            .Task("bands", Heads.Regression(1))
            .Build(CPU);
        using var optimizer = optim.AdamW(model.parameters());
        var batch = new Dictionary<string, Tensor>
        {
            ["gray"] = rand(16, 1, 16, 16),
            ["rgb"] = rand(16, 3, 16, 16),
            ["sequence"] = rand(16, 2, 40),
            ["tokens"] = randint(30, [16, 20]).to(ScalarType.Int64),
            ["table"] = rand(16, 5),
            ["bands"] = rand(16, 4, 16, 16),
        };
        var labels = new Dictionary<string, Tensor> { ["gray"] = randint(4, [16]).to(ScalarType.Int64), ["tags"] = rand(16, 3), ["joint"] = rand(16, 2), ["bands"] = rand(16, 1) };

        Run(30);
        var (tensors, bytes) = Measure();
        Run(300);
        var (laterTensors, laterBytes) = Measure();

        laterTensors.Should().Be(tensors);
        (laterBytes - bytes).Should().BeLessThan(24 << 20, "one step's results take about 10 MB, and 300 of them would take gigabytes");

        void Run(int count)
        {
            model.train();
            for (var i = 0; i < count; i++)
            {
                using var scope = NewDisposeScope();
                optimizer.zero_grad();
                var outputs = model.forward(batch);
                labels.Select(pair => ((TaskHead)model.Head(pair.Key)).Loss(outputs[pair.Key], pair.Value)).Aggregate((sum, loss) => sum + loss).backward();
                optimizer.step();
            }

            model.eval();
            using var noGrad = no_grad();
            for (var i = 0; i < count; i++)
            {
                // Without a scope of its own: what forward gives is all that is left to dispose.
                foreach (var output in model.forward(batch).Values)
                    output.Dispose();
                model.forward(batch["gray"], "gray").Dispose();
                foreach (var map in model.forward_features(batch).Values)
                    map.Dispose();
            }
        }
    }

    /// <summary>A handle that is left to the garbage collector keeps the memory of its weight, which native memory does not hasten.</summary>
    [Fact]
    public void Models_that_are_disposed_of_leave_no_weights_to_the_garbage_collector()
    {
        using var file = new Weights.TemporaryFile();
        using (var first = Build())
            first.Save(file.Path);

        Growth(Build).Should().BeLessThan(250 << 20, "the weights of 30 models take 600 MB, and the allocator keeps those of a few");
        Growth(() => MultiInputModel.Load(file.Path, CPU)).Should().BeLessThan(250 << 20, "the weights of 30 models take 600 MB, and the allocator keeps those of a few");

        static MultiInputModel Build() => MultiInputModel.Define()
            .Input("rgb", Inputs.Image(3, 8, 8))
            .Base(Bases.ConvNet(3, 64, 512, 1024))
            .Fusion(Fusions.GlobalAverage())
            .Task("rgb", Heads.Classification(4))
            .Build(CPU);

        static long Growth(Func<MultiInputModel> make)
        {
            make().Dispose();
            var before = Measure().Bytes;
            GC.TryStartNoGCRegion(128 << 20).Should().BeTrue();
            try
            {
                for (var i = 0; i < 30; i++)
                    make().Dispose();
                return Resident() - before;
            }
            finally
            {
                GC.EndNoGCRegion();
            }
        }
    }

    /// <summary>Folded weights come and go in blocks of which the allocator keeps many, so that what is in use is measured.</summary>
    [Fact]
    public void Predictors_that_are_disposed_of_leave_no_weights()
    {
        using var file = new Weights.TemporaryFile();
        using (var model = MultiInputModel.Define().Input("rgb", Inputs.Image(3, 8, 8)).Base(Bases.ConvNet(3, 64, 512, 1024))
            .Fusion(Fusions.GlobalAverage()).Task("rgb", Heads.Classification(4)).Build(CPU))
        {
            model.Save(file.Path);
        }

        Predictor.Load(file.Path).Dispose();
        var before = InUse();
        for (var i = 0; i < 10; i++)
            Predictor.Load(file.Path).Dispose();
        (InUse() - before).Should().BeLessThan(50 << 20, "the weights of 10 predictors take 200 MB");
    }

    [Fact]
    public void Bases_from_TorchScript_that_are_disposed_of_leave_no_weights()
    {
        var archive = Script(16 << 20);
        new TorchScriptBase(archive, 3).Dispose();
        var before = InUse();
        for (var i = 0; i < 10; i++)
            new TorchScriptBase(archive, 3).Dispose();
        (InUse() - before).Should().BeLessThan(50 << 20, "the weights of 10 bases take 160 MB");
    }

    /// <summary>Each epoch here is better than the one before, so that its weights are kept.</summary>
    [Fact]
    public void Epochs_that_are_kept_leave_no_tensors_to_the_garbage_collector()
    {
        using var model = MultiInputModel.Define().Input("t", Inputs.Tabular(4)).Base(Bases.ConvNet(2, 4)).Task("t", Heads.Regression(1)).Build(CPU, seed: 1);
        var rows = arange(240).to(ScalarType.Float32).view(60, 4).sin();
        TensorSource[] sources = [new("t", rows, rows.sum(1, keepdim: true))];
        var counts = new List<long>();

        GC.TryStartNoGCRegion(128 << 20).Should().BeTrue();
        try
        {
            new Trainer(model, new() { Epochs = 30, EarlyStopping = new() { Patience = 30 }, WeightAverageDecay = 0.5 }).Fit(
                sources, sources, new Now(_ => counts.Add(DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount)));
        }
        finally
        {
            GC.EndNoGCRegion();
        }

        counts[^1].Should().BeLessThanOrEqualTo(counts[4]);
    }

    private static (long Tensors, long Bytes) Measure()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        return (Tensor.TotalCount, Resident());
    }

    private static long InUse()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var info = AllocatorStatistics();
        return (long)(info.MappedBytes + info.UsedBytes);
    }

    /// <summary>A file of torch.jit.save: a module that returns its input, with one buffer of zeros.</summary>
    private static byte[] Script(int bytes)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("version", "3\n"u8);
            Add("code/__torch__.py", """
                class Script(Module):
                  __parameters__ = []
                  __buffers__ = ["w", ]
                  w : Tensor
                  def forward(self: __torch__.Script, x: Tensor) -> Tensor:
                    return x

                """u8);
            Add("constants.pkl", [0x80, 2, (byte)')', (byte)'.']);

            // The pickle of the module: its class, and the buffer as a tensor over the storage "0".
            byte[] storage = [.. "("u8, .. Text("storage"), .. "ctorch\nFloatStorage\n"u8, .. Text("0"), .. Text("cpu"), .. Number(bytes / 4), .. "tQ"u8];
            byte[] tensor = [.. "ctorch._utils\n_rebuild_tensor_v2\n("u8, .. storage, .. Number(0), .. Number(bytes / 4), 0x85, .. Number(1), 0x85, 0x89, .. "ccollections\nOrderedDict\n)RtR"u8];
            Add("data.pkl", [0x80, 2, .. "c__torch__\nScript\n)"u8, 0x81, .. "}("u8, .. Text("w"), .. tensor, .. "ub."u8]);
            Add("data/0", new byte[bytes]);

            void Add(string name, ReadOnlySpan<byte> content)
            {
                using var entry = zip.CreateEntry($"script/{name}", CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return file.ToArray();

        static byte[] Text(string text) => [(byte)'X', (byte)text.Length, 0, 0, 0, .. Encoding.ASCII.GetBytes(text)];

        static byte[] Number(int number) => [(byte)'J', .. BitConverter.GetBytes(number)];
    }

    [DllImport("libc", EntryPoint = "mallinfo2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern Allocator AllocatorStatistics();

    private static long Resident()
    {
        var resident = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * long.Parse(resident.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>glibc's <c>mallinfo2</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Allocator(
        nuint Heap, nuint FreeChunks, nuint FastChunks, nuint Mappings, nuint MappedBytes, nuint Unused, nuint FastBytes, nuint UsedBytes, nuint FreeBytes, nuint TopBytes);
}
