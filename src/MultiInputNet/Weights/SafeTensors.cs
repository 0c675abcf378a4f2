using System.Buffers.Binary;
using System.Text.Json;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads and writes the safetensors format: eight bytes with the length of a JSON header, the header, and the bytes of the tensors,
/// one after another. A file contains no code, and nothing in its header is trusted before it is checked.
/// </summary>
internal static class SafeTensors
{
    // Enough for 300,000 tensors.
    private const int LargestHeader = 32 << 20;
    private const string MetadataName = "__metadata__";
    private const long WrittenAtOnce = 1L << 30;

    private static readonly JsonDocumentOptions JsonOptions = new() { AllowDuplicateProperties = false };

    /// <summary>The value types that are written, by their name in this format.</summary>
    public static IReadOnlyDictionary<string, ScalarType> Types { get; } = new Dictionary<string, ScalarType>
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

    /// <summary>Whether a file begins like one of this format: with a plausible length and a JSON object.</summary>
    public static bool Recognises(FileBytes file)
    {
        if (file.Length < 10)
            return false;
        Span<byte> start = stackalloc byte[9];
        file.Read(0, start);
        return start[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) <= 1L << 40;
    }

    /// <summary>Reads what a file lists.</summary>
    public static WeightContent Read(FileBytes file)
    {
        var length = BinaryPrimitives.ReadInt64LittleEndian(file.Read(0, 8L));
        if (length > LargestHeader)
            throw file.Refuse($"its header of {length:N0} bytes is larger than {LargestHeader:N0}.");
        var start = 8 + length;
        try
        {
            using var header = JsonDocument.Parse(file.Read(8, length), JsonOptions);
            var metadata = new Dictionary<string, string>();
            var entries = new List<(WeightEntry Entry, long Begin, long End)>();
            foreach (var item in header.RootElement.EnumerateObject())
            {
                if (item.Name != MetadataName)
                    entries.Add(ReadEntry(file, item, start));
                else
                {
                    foreach (var text in item.Value.EnumerateObject())
                        metadata.Add(text.Name, text.Value.GetString() ?? "");
                }
            }

            CheckOrder(file, entries, start);
            return new(WeightFormat.SafeTensors, [.. entries.Select(entry => entry.Entry)], metadata);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw file.Refuse($"its header is damaged: {e.Message}", cause: e);
        }
    }

    /// <summary>Writes tensors and metadata; the file appears under its name once it is complete.</summary>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        if (tensors.ContainsKey(MetadataName))
            throw FileBytes.Refuse(path, $"a tensor has the name {MetadataName}, which the format reserves.", "Rename it.");

        if (tensors.Count == 0)
            throw FileBytes.Refuse(path, "there are no tensors to write.", "Give some; the state_dict() of a module that was disposed of has none.");
        if (tensors.FirstOrDefault(tensor => tensor.Value is null || tensor.Value.IsInvalid) is { Key: { } lost })
            throw FileBytes.Refuse(path, $"tensor '{lost}' is null or was disposed of; nothing was written.", "Write it before disposing of it.");

        // Types with the largest values first, so that each tensor begins at a multiple of its value size.
        var ordered = tensors.OrderByDescending(tensor => tensor.Value.element_size()).ToArray();
        var header = Header(path, ordered, metadata);
        WholeFile.Write(path, file =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            file.Write(length);
            header.WriteTo(file);
            foreach (var (_, tensor) in ordered)
                WriteValues(file, tensor);
        });
    }

    private static (WeightEntry Entry, long Begin, long End) ReadEntry(FileBytes file, JsonProperty item, long start)
    {
        var typeName = item.Value.GetProperty("dtype").GetString() ?? "";
        var shape = item.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray();
        var offsets = item.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt64()).ToArray();
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > file.Length - start)
            throw file.Refuse($"tensor '{item.Name}' lies outside the file.", "It is damaged or truncated: copy it again.");
        var (begin, bytes) = (offsets[0], offsets[1] - offsets[0]);
        if (!StoredType.SafeTensors.TryGetValue(typeName, out var type))
            return (new(file, item.Name, shape, $"of type '{typeName}'"), begin, offsets[1]);
        var entry = new WeightEntry(file, item.Name, new(start + begin, bytes / type.Size, type), shape);
        if (bytes != entry.Count * type.Size)
            throw file.Refuse($"tensor '{item.Name}' of shape {Shapes.Text(shape)} needs {entry.Count * type.Size:N0} bytes and has {bytes:N0}.");
        return (entry, begin, offsets[1]);
    }

    // The format allows no gaps, so that tensors cannot overlap and nothing hides between them.
    private static void CheckOrder(FileBytes file, IEnumerable<(WeightEntry Entry, long Begin, long End)> entries, long start)
    {
        var next = 0L;
        foreach (var (entry, begin, end) in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (begin != next)
                throw file.Refuse($"tensor '{entry.Name}' begins at byte {begin:N0} of the values instead of {next:N0}.");
            next = end;
        }

        if (start + next != file.Length)
            throw file.Refuse($"it continues for {file.Length - start - next:N0} bytes after its last tensor.");
    }

    private static MemoryStream Header(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var header = new MemoryStream();
        using (var json = new Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataName);
            foreach (var (key, value) in metadata)
                json.WriteString(key, value);
            json.WriteEndObject();
            var offset = 0L;
            foreach (var (name, tensor) in tensors)
            {
                if (!Types.Values.Contains(tensor.dtype))
                {
                    throw FileBytes.Refuse(
                        path, $"tensor '{name}' is of type {tensor.dtype}, which cannot be written.", $"Convert it to one of {string.Join(", ", Types.Values)}.");
                }

                json.WriteStartObject(name);
                json.WriteString("dtype", Types.First(type => type.Value == tensor.dtype).Key);
                json.WriteStartArray("shape");
                foreach (var size in tensor.shape)
                    json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.numel() * tensor.element_size());
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (header.Length % 8 != 0)
            header.WriteByte((byte)' ');
        return header;
    }

    private static void WriteValues(FileStream file, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var values = tensor.detach().cpu().contiguous().view(-1);
        var most = WrittenAtOnce / values.element_size();
        for (var start = 0L; start < values.shape[0]; start += most)
        {
            using var part = values.narrow(0, start, Math.Min(most, values.shape[0] - start));
            file.Write(part.bytes);
        }
    }
}
