using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using MultiInputNet.Onnx.Schema;
using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>Writes models as ONNX files.</summary>
/// <remarks>
/// <para>
/// Inputs have the names of the model's inputs, and any batch size, the same for those that a task reads together. The output of a task is
/// <c>TASK_probabilities</c> or <c>TASK_values</c>, or <c>TASK_output</c> for <see cref="OnnxOptions.RawOutputs"/>. Each input says in its
/// <c>doc_string</c> what it takes.
/// </para>
/// <para>
/// The metadata of the file are <c>multi_input_net.version</c>, the format of <c>multi_input_net.description</c>, the description's JSON
/// (<see cref="ModelDescription.ToJson"/>), <c>multi_input_net.raw_inputs</c>, <c>true</c> if the graph standardises,
/// <c>multi_input_net.batch_size</c>, how many samples <see cref="OnnxPredictor"/> runs at once, and for each output
/// <c>multi_input_net.output.NAME</c>, JSON such as
/// <c>{"task": "pet", "kind": "class", "raw": false, "names": ["cat", "dog"]}</c>: kind is <c>class</c>, <c>labels</c> or <c>values</c>;
/// <c>raw</c> says whether the numbers are the head's own output, such as logits, instead of probabilities or values; <c>names</c> are those of
/// classes, labels or values, and <c>unit</c> is that of values, where the description states them.
/// </para>
/// </remarks>
[SuppressMessage("ApiDesign", "RS0026", Justification = "A path is no stream: no call fits both.")]
public static class OnnxExport
{
    private const long IrVersion = 8; // of opset 17

    // A protobuf message has at most 2 GiB; this leaves 16 MiB for all that is not weights.
    private const long LargestWeights = (2L << 30) - (16 << 20);

    /// <summary>Writes what a model computes in evaluation mode as an ONNX file. See <see cref="OnnxExport"/> for names and metadata.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The file. An existing one is replaced once the new one is complete.</param>
    /// <param name="options">The tasks and what the graph does; all tasks and the defaults when null.</param>
    /// <exception cref="MultiInputException">
    /// The model is not in single precision or has 2 GiB of weights or more, a module does not say which operations it computes or needs a
    /// fixed size, ONNX Runtime's results differ from the model's (<see cref="OnnxOptions.Verify"/>), or the file cannot be written. Nothing
    /// is written then.
    /// </exception>
    public static void ExportOnnx(this MultiInputModel model, string path, OnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(path);
        var bytes = ToBytes(model, options ?? new());
        WholeFile.Write(path, file => file.Write(bytes));
    }

    /// <summary>Writes what a model computes in evaluation mode to a stream. See <see cref="OnnxExport"/> for names and metadata.</summary>
    /// <param name="model">The model.</param>
    /// <param name="stream">The stream, which stays open.</param>
    /// <param name="options">The tasks and what the graph does; all tasks and the defaults when null.</param>
    /// <exception cref="MultiInputException">
    /// As for <see cref="ExportOnnx(MultiInputModel, string, OnnxOptions?)"/>, before anything is written.
    /// </exception>
    public static void ExportOnnx(this MultiInputModel model, Stream stream, OnnxOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(ToBytes(model, options ?? new()));
    }

    /// <summary>The bytes of an ONNX file of a model.</summary>
    internal static byte[] ToBytes(MultiInputModel model, OnnxOptions options)
    {
        using var graph = model.ToOnnx(options);
        var size = graph.Initializers.Values.Sum(value => value.numel() * value.element_size());
        if (size > LargestWeights)
        {
            throw new MultiInputException(
                "model",
                ModelComponent.Description,
                $"its weights have {size:N0} bytes, but an ONNX file holds less than 2 GiB.",
                $"Export tasks to files of their own with {nameof(OnnxOptions)}.{nameof(OnnxOptions.Tasks)}, or use a smaller base.");
        }

        var file = Model(graph);
        OnnxMetadata.Add(file, model, options);
        var bytes = file.ToByteArray();
        if (options.Verify)
            OnnxVerification.Check(model, options, bytes);
        return bytes;
    }

    /// <summary>A graph as ONNX's message.</summary>
    internal static ModelProto Model(OnnxGraph graph)
    {
        var written = new GraphProto { Name = "model" };
        written.Node.AddRange(graph.Nodes.Select(Node));
        written.Initializer.AddRange(graph.Initializers.Select(constant => Tensor(constant.Key, constant.Value)));
        var batches = Batches(graph);
        written.Input.AddRange(graph.Inputs.Select(input => Value(input, batches[input.Name])));
        written.Output.AddRange(graph.Outputs.Select(output => Value(output, batches.GetValueOrDefault(output.Name, "batch"))));
        var model = new ModelProto { IrVersion = IrVersion, Graph = written };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = OnnxGraph.Opset });
        if (graph.Nodes.Any(node => node.Domain == OnnxGraph.MachineLearningDomain))
            model.OpsetImport.Add(new OperatorSetIdProto { Domain = OnnxGraph.MachineLearningDomain, Version = OnnxGraph.MachineLearningOpset });
        return model;
    }

    /// <summary>
    /// The name of the batch size of each value. Inputs that nothing joins may have batches of different sizes, and ONNX Runtime takes sizes
    /// of one name to be equal.
    /// </summary>
    private static Dictionary<string, string> Batches(OnnxGraph graph)
    {
        var names = graph.Inputs.ToDictionary(input => input.Name, input => $"{input.Name}_batch");
        foreach (var node in graph.Nodes)
        {
            var joined = node.Inputs.Where(names.ContainsKey).Select(input => names[input]).Distinct().ToArray();
            if (joined.Length == 0)
                continue;
            foreach (var value in joined.Length == 1 ? [] : names.Keys.Where(value => joined.Contains(names[value])).ToArray())
                names[value] = joined[0];
            names[node.Output] = joined[0];
        }

        return graph.Inputs.Select(input => names[input.Name]).Distinct().Count() == 1 ? names.ToDictionary(name => name.Key, _ => "batch") : names;
    }

    private static NodeProto Node(OnnxNode node)
    {
        var written = new NodeProto { Name = node.Name, OpType = node.Operation, Domain = node.Domain };
        written.Input.AddRange(node.Inputs);
        written.Output.Add(node.Output);
        written.Attribute.AddRange(node.Attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));
        return written;
    }

    private static AttributeProto Attribute(string name, object value)
    {
        var written = new AttributeProto { Name = name };
        switch (value)
        {
            case long number:
                (written.Type, written.I) = (AttributeProto.Types.AttributeType.Int, number);
                break;
            case double number:
                (written.Type, written.F) = (AttributeProto.Types.AttributeType.Float, (float)number);
                break;
            case string text:
                (written.Type, written.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(text));
                break;
            case IEnumerable<long> numbers:
                written.Type = AttributeProto.Types.AttributeType.Ints;
                written.Ints.AddRange(numbers);
                break;
            case IEnumerable<double> numbers:
                written.Type = AttributeProto.Types.AttributeType.Floats;
                written.Floats.AddRange(numbers.Select(number => (float)number));
                break;
            case IEnumerable<string> texts:
                written.Type = AttributeProto.Types.AttributeType.Strings;
                written.Strings.AddRange(texts.Select(ByteString.CopyFromUtf8));
                break;
            default:
                throw new ArgumentException($"The attribute '{name}' is a {value.GetType().Name}.");
        }

        return written;
    }

    private static TensorProto Tensor(string name, Tensor value)
    {
        using var scope = NewDisposeScope();
        var written = new TensorProto { Name = name, DataType = DataType(value.dtype), RawData = ByteString.CopyFrom(value.detach().cpu().contiguous().bytes) };
        written.Dims.AddRange(value.shape);
        return written;
    }

    private static ValueInfoProto Value(OnnxValue value, string batch)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(value.Shape.Select((size, i) => size >= 0
            ? new TensorShapeProto.Types.Dimension { DimValue = size }
            : new TensorShapeProto.Types.Dimension { DimParam = i == 0 ? batch : $"{value.Name}_{i}" }));
        return new() { Name = value.Name, Type = new() { TensorType = new() { ElemType = value.Type is { } type ? DataType(type) : (int)TensorProto.Types.DataType.String, Shape = shape } } };
    }

    private static int DataType(ScalarType type) => (int)(type switch
    {
        ScalarType.Float32 => TensorProto.Types.DataType.Float,
        ScalarType.Float64 => TensorProto.Types.DataType.Double,
        ScalarType.Int32 => TensorProto.Types.DataType.Int32,
        ScalarType.Int64 => TensorProto.Types.DataType.Int64,
        ScalarType.Bool => TensorProto.Types.DataType.Bool,
        _ => throw new NotSupportedException($"{type}"),
    });
}
