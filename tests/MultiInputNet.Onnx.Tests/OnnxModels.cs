using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using MultiInputNet.Onnx.Schema;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx.Tests;

/// <summary>The ONNX files of the fixtures, and what ONNX Runtime makes of them.</summary>
internal static class OnnxModels
{
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", $"{name}.onnx");

    /// <summary>Reads a file as it is.</summary>
    public static ModelProto Read(string path) => ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));

    /// <summary>Computes a value of a file with ONNX Runtime, for a batch of any size.</summary>
    public static Tensor Compute(string path, string value, Tensor batch, bool channelsLast = false)
    {
        var model = Read(path);
        while (!model.Graph.Node[^1].Output.Contains(value))
            model.Graph.Node.RemoveAt(model.Graph.Node.Count - 1);
        model.Graph.Output.Clear();
        model.Graph.Output.Add(new ValueInfoProto { Name = value, Type = new() { TensorType = new() { ElemType = (int)TensorProto.Types.DataType.Float } } });
        var input = model.Graph.Input.First(given => model.Graph.Initializer.All(tensor => tensor.Name != given.Name));
        foreach (var (index, size) in input.Type.TensorType.Shape.Dim.Index())
            size.DimParam = $"size{index}";
        using var settings = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model.ToByteArray(), settings);
        using var options = new RunOptions();
        var x = (channelsLast ? batch.permute(0, 2, 3, 1) : batch).contiguous();
        using var given = OrtValue.CreateTensorValueFromMemory(x.data<float>().ToArray(), x.shape);
        using var results = session.Run(options, new Dictionary<string, OrtValue> { [input.Name] = given }, [value]);
        return tensor(results[0].GetTensorDataAsSpan<float>().ToArray()).reshape(results[0].GetTensorTypeAndShape().Shape);
    }

    /// <summary>A model of one image input on a base, in evaluation mode.</summary>
    public static MultiInputModel Build(BaseSpec spec, int size, PerInput perInput = PerInput.Nothing) => Define(spec, size, perInput).Build(CPU, seed: 1);

    /// <summary>A description of one image input on a base.</summary>
    public static MultiInputModelBuilder Define(BaseSpec spec, int size, PerInput perInput = PerInput.Nothing) => MultiInputModel.Define()
        .Input("image", Inputs.Image(3, size, size)).Base(spec, perInput: perInput).Fusion(Fusions.GlobalAverage()).Task("image", Heads.Classification(4));

    /// <summary>The base of a model.</summary>
    public static SharedBase BaseOf(MultiInputModel model) => model.children().OfType<SharedBase>().Single();

    /// <summary>The largest difference, as a share of the largest expected value.</summary>
    public static double Difference(Tensor actual, Tensor expected)
    {
        actual.shape.Should().Equal(expected.shape);
        return ((actual - expected).abs().max() / expected.abs().max()).ToDouble();
    }
}
