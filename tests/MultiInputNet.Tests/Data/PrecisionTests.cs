using System.Globalization;
using MultiInputNet.Data;
using MultiInputNet.Training;
using static TorchSharp.torch;

namespace MultiInputNet.Tests.Data;

/// <summary>Large numbers that differ little: 200 seconds of Unix time, which are 3 values in Float32.</summary>
public sealed class PrecisionTests : IDisposable
{
    private const long Start = 1_700_000_000;

    private static readonly double[] seconds = [.. Enumerable.Range(0, 200).Select(i => (double)(Start + i))];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Times_of_a_table_stay_apart_in_a_model_that_was_saved_and_loaded()
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("times.csv", "time,kind\n" + string.Concat(seconds.Select((time, i) => $"{time:0},{(i % 2 == 0 ? "a" : "b")}\n")));
        var schema = TableSchema.Infer(path, ["kind"]);
        using var model = Define(schema.Input).Task("row", schema.Head).Build(CPU);
        model.Save(folder["model.safetensors"]);
        var loaded = MultiInputModel.Load(folder["model.safetensors"], CPU, new Dictionary<string, Delegate> { ["seen"] = seen });
        var input = loaded.Description.Input<TabularInput>("row");

        var fromFile = Projected(model, new CsvSource("row", schema, path).Samples);
        var encoded = Projected(loaded, input.Encode(seconds.Select(time => new Dictionary<string, string?> { ["time"] = time.ToString(CultureInfo.InvariantCulture) })));

        fromFile.Should().Equal(Standardized());
        encoded.Should().Equal(fromFile);
        loaded.Dispose();
    }

    [Theory]
    [InlineData(ScalarType.Int32)]
    [InlineData(ScalarType.Int64)]
    [InlineData(ScalarType.Float64)]
    public void Times_of_arrays_stay_apart(ScalarType type)
    {
        using var scope = NewDisposeScope();
        NumpyFile.Write(folder["x.npy"], tensor(seconds).view(-1, 1).to(type));
        NumpyFile.Write(folder["y.npy"], zeros(200, ScalarType.Int64));
        using var inPlace = new NumpySource("row", folder["x.npy"], folder["y.npy"]);

        foreach (var source in new DataSource[] { NumpyFile.ReadSource("row", folder["x.npy"], folder["y.npy"]), inPlace })
        {
            var samples = source.Read([.. Enumerable.Range(0, 200)]).Inputs["row"];
            foreach (var input in new[] { Inputs.Tabular(1).StandardizedBy(source), Inputs.Tabular(1).StandardizedBy(samples) })
            {
                using var model = Define(input).Task("row", Heads.Classification(2)).Build(CPU);
                Projected(model, samples).Should().Equal(Standardized());
            }
        }
    }

    [Fact]
    public void A_channel_of_a_sequence_or_image_is_standardised_before_it_is_rounded()
    {
        using var scope = NewDisposeScope();
        using var standardization = new Standardization([Start + 99.5], [57]);

        var image = standardization.call(tensor(seconds).view(10, 1, 4, 5));

        image.data<double>().ToArray().Should().Equal(seconds.Select(time => (time - (Start + 99.5)) / 57));
    }

    [Fact]
    public void Numbers_that_Float32_holds_stay_in_it()
    {
        using var scope = NewDisposeScope();
        NumpyFile.Write(folder["x.npy"], tensor([0.5, double.NaN, -3, 1 << 24]).view(-1, 1));
        NumpyFile.Write(folder["y.npy"], zeros(4, ScalarType.Int64));

        NumpyFile.ReadSource("row", folder["x.npy"], folder["y.npy"]).Inputs["row"].dtype.Should().Be(ScalarType.Float32);
    }

    [Fact]
    public void Labels_to_regress_are_in_double_precision()
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("times.csv", "x,time\n" + string.Concat(seconds.Select(time => $"1,{time:0}\n")));
        NumpyFile.Write(folder["x.npy"], ones(200, 1));
        NumpyFile.Write(folder["y.npy"], tensor(seconds).to(ScalarType.Int64));

        foreach (var source in new DataSource[] { new CsvSource("row", TableSchema.Infer(path, ["time"]), path), NumpyFile.ReadSource("row", folder["x.npy"], folder["y.npy"]) })
        {
            source.Targets["row"].shape.Should().Equal(200, 1);
            source.Targets["row"].data<double>().ToArray().Should().Equal(seconds);
        }
    }

    [Fact]
    public void A_column_that_never_changes_is_known_far_from_zero_too()
    {
        using var scope = NewDisposeScope();
        var constant = full([1000, 1], Start + 0.1, ScalarType.Float64);

        Inputs.Tabular(1).StandardizedBy(constant).StandardDeviation.Should().Equal(1);
        Inputs.Tabular(1).StandardizedBy(new TensorSource("x", constant, zeros(1000, ScalarType.Int64))).StandardDeviation.Should().Equal(1);
        Inputs.Tabular(1).StandardizedBy(tensor([1e-15, 3e-15]).view(2, 1)).StandardDeviation![0].Should().BeApproximately(1e-15, 1e-20);
    }

    [Theory]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void A_converted_model_takes_tables_and_arrays_as_they_are(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var path = folder.Write("table.csv", "time,code,kind\n" + string.Concat(seconds.Select((time, i) => $"{time:0},c{i},{(i % 2 == 0 ? "a" : "b")}\n")));
        var schema = TableSchema.Infer(path, ["kind"]);
        var table = new CsvSource("row", schema, path);
        using var images = new ImagesInDouble();
        MultiInputModel Build()
        {
            random.manual_seed(1);
            return MultiInputModel.Define().Input("row", schema.Input).Input("image", Inputs.Image(1, 4, 4)).Base(Bases.ConvNet(channels: 4))
                .Task("row", schema.Head).Task("image", Heads.Classification(2)).Build(CPU);
        }

        using var model = Build();
        using var converted = Build();
        converted.to(type);

        var expected = model.forward(table.Samples, "row");
        var output = converted.forward(table.Samples, "row");
        output.dtype.Should().Be(type);
        (output.to(ScalarType.Float64) - expected).abs().max().ToDouble().Should().BeLessThan(0.02);
        var trainer = new Trainer(converted, new() { Epochs = 1, BatchSize = 50, LearningRate = 1e-4, Optimizer = Optimizers.Sgd() });
        trainer.Fit([table, images]);
        trainer.Evaluate([table, images]).Keys.Should().BeEquivalentTo("row", "image");
    }

    private static double[] Standardized()
    {
        var deviation = Math.Sqrt(seconds.Select(time => Math.Pow(time - (Start + 99.5), 2)).Average());
        return [.. seconds.Select(time => (double)(float)((time - (Start + 99.5)) / deviation))];
    }

    private static readonly Func<InputSpec, int, nn.Module<Tensor, Tensor>> seen = (_, channels) => new Seen(channels);

    private static MultiInputModelBuilder Define(InputSpec input) =>
        MultiInputModel.Define().Input("row", input, Projections.From("seen", seen)).Base(Bases.ConvNet(channels: 2));

    private static double[] Projected(MultiInputModel model, Tensor batch)
    {
        model.forward(batch, "row");
        return ((Seen)model.modules().Single(module => module is Seen)).Last;
    }

    /// <summary>Keeps what it was given.</summary>
    private sealed class Seen : nn.Module<Tensor, Tensor>
    {
        private readonly int channels;

        public Seen(int channels)
            : base(nameof(Seen))
        {
            this.channels = channels;
            RegisterComponents();
        }

        public double[] Last { get; private set; } = [];

        public override Tensor forward(Tensor input)
        {
            Last = input.to(ScalarType.Float64).data<double>().ToArray();
            return input.view(-1, 1, 1, 1).expand(-1, channels, 4, 4);
        }
    }

    private sealed class ImagesInDouble() : DataSource("image", ["image"], new Dictionary<string, Tensor> { ["image"] = zeros(100, ScalarType.Int64) }), IDisposable
    {
        public override InputBatch Read(IReadOnlyList<long> rows) =>
            new(rows, new Dictionary<string, Tensor> { ["image"] = rand(rows.Count, 1, 4, 4, ScalarType.Float64) });

        public void Dispose() => Targets["image"].Dispose();
    }
}
