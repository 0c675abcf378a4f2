using System.Globalization;
using Google.Protobuf;
using MultiInputNet.Onnx.Schema;

namespace MultiInputNet.Onnx;

/// <summary>An ONNX file. It is not trusted: what it declares is compared with what it holds.</summary>
internal sealed class OnnxFile
{
    private const int MostNesting = 32;

    /// <summary>Reads the graph of a file; data outside it is read when it is asked for.</summary>
    /// <exception cref="MultiInputException">The file cannot be read or is no ONNX model.</exception>
    public OnnxFile(string path)
    {
        Path = path;
        try
        {
            using var file = RegularFile.Open(path);
            if (file.Length > int.MaxValue)
                throw Refuse($"it has {file.Length:N0} bytes, but an ONNX file has less than 2 GiB.", "Keep large weights in a file beside it, as ONNX's external data.");
            using var input = CodedInputStream.CreateWithLimits(file, int.MaxValue, MostNesting);
            Model = ModelProto.Parser.ParseFrom(input);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidProtocolBufferException)
        {
            throw new MultiInputException($"file '{Path}'", ModelComponent.File, $"it cannot be read as an ONNX model: {e.Message.TrimEnd('.')}.", "Give a file written by an ONNX exporter.", e);
        }

        if (Model.Graph is null || Model.Graph.Node.Count == 0)
            throw Refuse("it has no graph.", "Give a file written by an ONNX exporter.");
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Its content.</summary>
    public ModelProto Model { get; }

    /// <summary>The version of ONNX's own operators that it uses.</summary>
    public long Version => Model.OpsetImport.Where(set => set.Domain is "" or "ai.onnx").Select(set => set.Version).DefaultIfEmpty(1).Max();

    /// <summary>An exception about the file.</summary>
    public MultiInputException Refuse(string problem, string cure) => new($"file '{Path}'", ModelComponent.File, problem, cure);

    /// <summary>Reads a tensor's numbers.</summary>
    /// <exception cref="MultiInputException">It does not hold what it declares, or its data is not beside the file.</exception>
    public OnnxTensor Read(TensorProto tensor, string name)
    {
        var count = 1L;
        foreach (var size in tensor.Dims)
        {
            if (size < 0 || (size > 0 && count > Array.MaxLength / size))
                throw Refuse($"its tensor '{name}' has a shape of ({string.Join(", ", tensor.Dims)}).", "Export the model again.");
            count *= size;
        }

        if (tensor.Dims.Count > OnnxTensor.MostDimensions)
            throw Refuse($"its tensor '{name}' has {tensor.Dims.Count} dimensions.", "Export the model again.");
        var data = tensor.DataLocation == TensorProto.Types.DataLocation.External ? ReadBeside(tensor, name) : tensor.RawData.Memory;
        return OnnxTensor.Read(tensor, data, count) ?? throw Refuse(
            $"its tensor '{name}' of type {(TensorProto.Types.DataType)tensor.DataType} does not hold the {count:N0} numbers of its shape.",
            "Export the model again, with weights of a type of floating-point numbers.");
    }

    /// <summary>Reads data that is in a file beside this one.</summary>
    private byte[] ReadBeside(TensorProto tensor, string name)
    {
        string? Entry(string key) => tensor.ExternalData.LastOrDefault(entry => entry.Key == key)?.Value;
        var location = Entry("location") ?? "";
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        string[] parts = location.Split('/');
        if (parts.Any(part => part is "" or "." or "..") || location.Contains('\\') || location.Contains(':') || location.Contains('\0') || System.IO.Path.IsPathRooted(location))
            throw Refuse($"the data of its tensor '{name}' is in '{location}', which is not beside it.", "Keep external data in the model's folder.");
        long? Number(string key) => Entry(key) is not { } text ? null
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw Refuse($"the place of the data of its tensor '{name}' in '{location}' is no number.", "Export the model again.");
        var (offset, given) = (Number("offset") ?? 0, Number("length"));
        try
        {
            // A link may lead anywhere.
            for (var i = 1; i <= parts.Length; i++)
            {
                var step = System.IO.Path.Combine([folder, .. parts[..i]]);
                if (new FileInfo(step).LinkTarget is not null)
                    throw Refuse($"the data of its tensor '{name}' is in '{location}', which is a link.", "Keep external data itself in the model's folder.");
            }

            using var file = RegularFile.Open(System.IO.Path.Combine([folder, .. parts]));
            var length = given ?? file.Length - offset;
            if (length < 0 || offset > file.Length - length || length > Array.MaxLength)
                throw Refuse($"the data of its tensor '{name}' ends after the {file.Length:N0} bytes of '{location}'.", "Copy that file again.");
            file.Position = offset;
            var data = new byte[length];
            file.ReadExactly(data);
            return data;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MultiInputException(
                $"file '{Path}'", ModelComponent.File, $"the data of its tensor '{name}' cannot be read from '{location}': {e.Message}", "Copy that file beside it.", e);
        }
    }
}
