using System.Globalization;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;
using MultiInputNet.Onnx.Schema;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>What is in an exported file beside the graph, and when none is written.</summary>
public sealed class FileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    private string File => Path.Combine(folder, "model.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void The_metadata_say_what_the_outputs_mean()
    {
        using var model = Model();

        model.ExportOnnx(File);

        using var session = new InferenceSession(File);
        var metadata = session.ModelMetadata.CustomMetadataMap;
        session.ModelMetadata.ProducerName.Should().Be("MultiInputNet");
        metadata["multi_input_net.version"].Should().Be("3");
        ModelDescription.FromJson(metadata["multi_input_net.description"]).Should().Be(model.Description);
        metadata["multi_input_net.description"].Should().Be(model.Description.ToJson());
        Output("pet_probabilities").Should().Be("""{"task":"pet","kind":"class","raw":false,"names":["Kätzchen","dog"]}""");
        Output("tags_probabilities").Should().Be("""{"task":"tags","kind":"labels","raw":false,"names":["indoors","\"young\""]}""");
        Output("odd_values").Should().Be("""{"task":"odd","kind":"values","raw":false}""");

        string Output(string name) => metadata[$"multi_input_net.output.{name}"];
    }

    [Fact]
    public void Raw_outputs_are_marked_and_tasks_that_are_left_out_have_no_metadata()
    {
        using var model = Model();

        model.ExportOnnx(File, new() { RawOutputs = true, Tasks = ["tags"] });

        var file = ModelProto.Parser.ParseFrom(System.IO.File.ReadAllBytes(File));
        file.MetadataProps.Select(entry => entry.Key).Should().Equal(
            "multi_input_net.version", "multi_input_net.description", "multi_input_net.raw_inputs", "multi_input_net.batch_size", "multi_input_net.output.tags_output");
        JsonDocument.Parse(file.MetadataProps[^1].Value).RootElement.GetProperty("raw").GetBoolean().Should().BeTrue();
    }

    [Fact]
    public void Inputs_say_what_they_take()
    {
        using var model = Model();

        model.ExportOnnx(File);

        var file = ModelProto.Parser.ParseFrom(System.IO.File.ReadAllBytes(File));
        file.Graph.Input.Single(input => input.Name == "pet").DocString.Should().Be(
            "image, (batch, 3, 8, 8).\nChannels: red, green, nir.\nRaw values; the graph subtracts the mean and divides by the deviation.\nMean: 0.5 0.4 0.3. Deviation: 0.25 0.2 0.1.");
        file.ProducerVersion.Should().MatchRegex(@"^\d+\.\d+\.\d+");
    }

    [Fact]
    public void A_file_is_the_same_in_every_culture()
    {
        using var model = Model();
        var before = CultureInfo.CurrentCulture;
        using var expected = new MemoryStream();
        model.ExportOnnx(expected);
        try
        {
            CultureInfo.CurrentCulture = new("") { NumberFormat = { NumberDecimalSeparator = ",", NumberGroupSeparator = ".", NegativeSign = "~" } };
            model.ExportOnnx(File);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }

        System.IO.File.ReadAllBytes(File).Should().Equal(expected.ToArray());
    }

    [Fact]
    public void A_graph_that_computes_something_else_is_not_written()
    {
        System.IO.File.WriteAllText(File, "old");
        using var model = Model(() => new Wrong((graph, x) => graph.Node("Mul", [x, graph.Constant(tensor(1.1f))], x.Shape)));

        var act = () => model.ExportOnnx(File);

        act.Should().Throw<MultiInputException>().WithMessage("Task 'pet'*differ from the model's by 0.*Verify*");
        System.IO.File.ReadAllText(File).Should().Be("old");
        Directory.GetFiles(folder).Should().ContainSingle("nothing is left beside it");
        model.ExportOnnx(File, new() { Verify = false });
        System.IO.File.ReadAllBytes(File).Should().HaveCountGreaterThan(1000);
    }

    [Fact]
    public void A_graph_that_cannot_run_is_not_written()
    {
        using var model = Model(() => new Wrong((graph, x) => graph.Node("NoSuchOperation", [x], x.Shape)));

        var act = () => model.ExportOnnx(File);

        act.Should().Throw<MultiInputException>().WithMessage("Graph*ONNX Runtime cannot run it*NoSuchOperation*");
        Directory.GetFiles(folder).Should().BeEmpty();
    }

    [Fact]
    public void A_module_that_does_not_say_what_it_computes_is_named_and_nothing_is_written()
    {
        using var model = MultiInputModel.Define().Input("pet", Inputs.Image(3, 8, 8)).Base(Bases.ConvNet(3, 4))
            .Task("pet", Heads.From("unsaid", features => new Unsaid(features))).Build(CPU);
        using var stream = new MemoryStream();

        foreach (var act in new[] { () => model.ExportOnnx(File), () => model.ExportOnnx(stream) })
            act.Should().Throw<MultiInputException>().WithMessage("Module 'output_layers.pet'*it is a Unsaid*IOnnxModule*exporter*");

        Directory.GetFiles(folder).Should().BeEmpty();
        stream.Length.Should().Be(0);
        model.ExportOnnx(File, new()
        {
            Exporters = new Dictionary<Type, OnnxExporter> { [typeof(Unsaid)] = (module, graph, inputs) => graph.Run(module.children().Single(), inputs) },
        });
    }

    [Fact]
    public void Weights_of_2_GiB_are_refused()
    {
        // One number, said to be many.
        using var model = Model(() => new Wrong((graph, x) => graph.Node("Mul", [x, graph.Constant(zeros(1).expand(1 << 29))], x.Shape)));

        var act = () => model.ExportOnnx(File);

        act.Should().Throw<MultiInputException>().WithMessage("Model*weights*less than 2 GiB*Tasks*");
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_named()
    {
        using var model = Model();

        foreach (var path in new[] { folder, Path.Combine(folder, "none", "model.onnx"), "/dev/null" })
        {
            var act = () => model.ExportOnnx(path);
            act.Should().Throw<MultiInputException>().WithMessage($"File '{path}'*");
        }
    }

    [Fact]
    public void A_model_in_training_mode_stays_in_it_and_what_it_computes_in_evaluation_mode_is_written()
    {
        using var model = Model();
        using var evaluated = new MemoryStream();
        model.eval();
        model.ExportOnnx(evaluated);
        model.train();
        var state = model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.clone());
        using var stream = new MemoryStream();

        model.ExportOnnx(stream);

        stream.ToArray().Should().Equal(evaluated.ToArray());
        model.modules().Should().OnlyContain(module => module.training);
        model.state_dict().Should().AllSatisfy(pair => pair.Value.eq(state[pair.Key]).all().ToBoolean().Should().BeTrue(pair.Key));
    }

    private static MultiInputModel Model(Func<nn.Module<Tensor, Tensor>>? ownBase = null) => MultiInputModel.Define()
        .Input("pet", Inputs.Image(3, 8, 8) with { Mean = [0.5, 0.4, 0.3], StandardDeviation = [0.25, 0.2, 0.1] }, ownBase is null ? Projections.BandStem("red", "green", "nir") : null)
        .Base(ownBase is null ? Bases.ConvNet(3, 4) with { Normalization = Normalization.Batch } : Bases.From("own", 3, ownBase))
        .Fusion(Fusions.GlobalAverage())
        .Task("pet", Heads.Classification(2, dropout: 0.5) with { ClassNames = ["Kätzchen", "dog"] })
        .Task("tags", Heads.MultiLabel(2) with { LabelNames = ["indoors", "\"young\""] }, from: ["pet"])
        .Task("odd", Heads.From("shifted", features => new ShiftedHead(features)), from: ["pet"])
        .Build(CPU, seed: 1);

    /// <summary>Gives its input, and says that it computes something else.</summary>
    private sealed class Wrong(Func<OnnxGraph, OnnxValue, OnnxValue> export) : nn.Module<Tensor, Tensor>(nameof(Wrong)), IOnnxModule
    {
        public override Tensor forward(Tensor input) => input.alias();

        public OnnxValue Export(OnnxGraph graph, IReadOnlyList<OnnxValue> inputs) => export(graph, inputs[0]);
    }

    /// <summary>A linear layer. Shapes: <c>(batch, features)</c> in, <c>(batch, 2)</c> out.</summary>
    private sealed class Unsaid : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Linear linear;

        public Unsaid(int features)
            : base(nameof(Unsaid))
        {
            linear = nn.Linear(features, 2);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => linear.call(input);
    }
}
