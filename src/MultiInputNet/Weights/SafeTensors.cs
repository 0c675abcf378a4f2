using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using MultiInputNet.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads and writes the safetensors format: eight bytes with the length of a JSON header, the header, and the tensors' bytes
/// one behind the other. A file holds no code, and nothing that its header says is believed before it is checked.
/// </summary>
internal static class SafeTensors
{
    private const int LargestHeader = 100 << 20;

    private static readonly Dictionary<string, ScalarType> Types = new()
    {
        ["F64"] = ScalarType.Float64,
        ["F32"] = ScalarType.Float32,
        ["F16"] = ScalarType.Float16,
        ["BF16"] = ScalarType.BFloat16,
        ["I64"] = ScalarType.Int64,
        ["I32"] = ScalarType.Int32,
        ["I16"] = ScalarType.Int16,
        ["I8"] = ScalarType.Int8,
        ["U8"] = ScalarType.Byte,
        ["BOOL"] = ScalarType.Bool,
    };

    /// <summary>Writes tensors and metadata; the file appears under its name once it is whole.</summary>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var scope = NewDisposeScope();
        var contents = tensors.Select(pair => (pair.Key, Value: pair.Value.detach().cpu().contiguous())).ToArray();
        var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata)
                json.WriteString(key, value);
            json.WriteEndObject();
            var offset = 0L;
            foreach (var (name, value) in contents)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", Types.First(type => type.Value == value.dtype).Key);
                json.WriteStartArray("shape");
                foreach (var size in value.shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += value.numel() * value.element_size());
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');

        WholeFile.Write(path, file =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            file.Write(length);
            header.WriteTo(file);
            foreach (var (_, value) in contents)
                file.Write(value.bytes);
        });
    }

    /// <summary>Reads a file's metadata and tensors, on the CPU. The tensors are the caller's to dispose.</summary>
    /// <exception cref="InvalidDataException">The file is no safetensors file, or a damaged one.</exception>
    public static (Dictionary<string, string> Metadata, Dictionary<string, Tensor> Tensors) Read(string path)
    {
        using var file = File.OpenRead(path);
        var metadata = new Dictionary<string, string>();
        var tensors = new Dictionary<string, Tensor>();
        try
        {
            using var header = ReadHeader(file);
            var start = file.Position;
            var next = 0L;
            foreach (var entry in header.RootElement.EnumerateObject())
            {
                if (entry.Name == "__metadata__")
                {
                    foreach (var item in entry.Value.EnumerateObject())
                        metadata[item.Name] = item.Value.GetString() ?? "";
                    continue;
                }

                var (type, shape, begin, end) = ReadEntry(entry, file.Length - start);
                if (begin != next)
                    throw new InvalidDataException($"Tensor '{entry.Name}' begins at byte {begin} and {next} is due.");
                next = end;
                var tensor = torch.empty(shape, type);
                if (!tensors.TryAdd(entry.Name, tensor))
                {
                    tensor.Dispose();
                    throw new InvalidDataException($"There are two tensors '{entry.Name}'.");
                }

                file.ReadExactly(tensor.bytes);
            }

            if (start + next != file.Length)
                throw new InvalidDataException($"The file goes on for {file.Length - start - next} bytes behind its last tensor.");
            return (metadata, tensors);
        }
        catch (Exception e)
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            if (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or OverflowException or EndOfStreamException)
                throw new InvalidDataException($"Its header is damaged: {e.Message}", e);
            throw;
        }
    }

    private static JsonDocument ReadHeader(FileStream file)
    {
        Span<byte> bytes = stackalloc byte[8];
        file.ReadExactly(bytes);
        var length = BinaryPrimitives.ReadInt64LittleEndian(bytes);
        if (length < 2 || length > file.Length - 8 || length > LargestHeader)
            throw new InvalidDataException($"It is no safetensors file: a header of {length} bytes in a file of {file.Length}.");
        var text = new byte[length];
        file.ReadExactly(text);
        return JsonDocument.Parse(Encoding.UTF8.GetString(text));
    }

    private static (ScalarType Type, long[] Shape, long Begin, long End) ReadEntry(JsonProperty entry, long available)
    {
        var typeName = entry.Value.GetProperty("dtype").GetString() ?? "";
        if (!Types.TryGetValue(typeName, out var type))
            throw new InvalidDataException($"Tensor '{entry.Name}' is of type '{typeName}', which is not known.");
        var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = entry.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > available || shape.Any(size => size < 0))
            throw new InvalidDataException($"Tensor '{entry.Name}' lies outside the file.");
        var bytes = shape.Aggregate((long)type.ElementSize(), (product, size) => checked(product * size));
        if (bytes != offsets[1] - offsets[0])
            throw new InvalidDataException($"Tensor '{entry.Name}' of shape {Shapes.Text(shape)} needs {bytes} bytes and has {offsets[1] - offsets[0]}.");
        return (type, shape, offsets[0], offsets[1]);
    }
}
