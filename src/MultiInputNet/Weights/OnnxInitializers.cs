using System.Buffers;
using System.Globalization;

namespace MultiInputNet.Weights;

/// <summary>
/// Reads what an ONNX file lists: the initializers of its graph, whose values are in the file or in files beside it. Numbers of fields are
/// those of the specification's <c>onnx.proto</c>.
/// </summary>
internal sealed class OnnxInitializers : IDisposable
{
    /// <summary>The fields of a tensor that can hold its values, besides its raw bytes.</summary>
    public const uint Floats = 4, Integers = 5, LongIntegers = 7, Doubles = 10, UnsignedIntegers = 11;

    private const uint RawBytes = 9;
    private const int StringType = 8;
    private const int MostTensors = 1_000_000;
    private const int MostDimensions = 64;

    private static readonly SearchValues<byte> nameBytes = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."u8);

    // By the specification's numbers; values of few bits are in integers of more.
    private static readonly Dictionary<int, (StoredType Type, uint Field)> types = new()
    {
        [1] = (StoredType.SafeTensors["F32"], Floats), [2] = (StoredType.SafeTensors["U8"], Integers), [3] = (StoredType.SafeTensors["I8"], Integers),
        [4] = (StoredType.SafeTensors["U16"], Integers), [5] = (StoredType.SafeTensors["I16"], Integers), [6] = (StoredType.SafeTensors["I32"], Integers),
        [7] = (StoredType.SafeTensors["I64"], LongIntegers), [9] = (StoredType.SafeTensors["BOOL"], Integers), [10] = (StoredType.SafeTensors["F16"], Integers),
        [11] = (StoredType.SafeTensors["F64"], Doubles), [12] = (StoredType.SafeTensors["U32"], UnsignedIntegers), [13] = (StoredType.SafeTensors["U64"], UnsignedIntegers),
        [14] = (StoredType.SafeTensors["C64"], Floats), [15] = (StoredType.PyTorch["complex128"], Doubles), [16] = (StoredType.SafeTensors["BF16"], Integers),
        [17] = (StoredType.SafeTensors["F8_E4M3"], Integers), [19] = (StoredType.SafeTensors["F8_E5M2"], Integers), [24] = (StoredType.SafeTensors["F8_E8M0"], Integers),
    };

    private readonly FileBytes file;
    private readonly ProtobufFields fields;
    private readonly List<WeightEntry> entries = [];
    private readonly Dictionary<string, string> metadata = [];
    private readonly Dictionary<string, FileBytes> beside = [];
    private readonly SortedList<(string Path, long Begin), (long End, Storage Storage)> outside = [];

    private OnnxInitializers(FileBytes file)
    {
        this.file = file;
        fields = new(file, 0);
    }

    /// <summary>How a value of a field is written if it is no part of a list; raw bytes are a list.</summary>
    public static uint WireOf(uint field) => field switch
    {
        Floats => ProtobufFields.Fixed32,
        Doubles => ProtobufFields.Fixed64,
        RawBytes => ProtobufFields.Block,
        _ => ProtobufFields.Varint,
    };

    /// <summary>Whether a file begins like a model: with its IR version and a field of another number.</summary>
    public static bool Recognises(FileBytes file)
    {
        const int LargestVersion = 127;
        Span<byte> start = stackalloc byte[(int)Math.Min(file.Length, 2 + LargestVersion)];
        file.Read(0, start);

        // A file of TorchSharp's with 8 tensors begins with the same byte, and goes on with the length of a name and the name.
        return start.Length > 3 && start[0] == (1 << 3 | ProtobufFields.Varint) && start[1] is > 0 and <= LargestVersion
            && start[2] is 0x12 or 0x1A or 0x22 or 0x28 or 0x32 or 0x3A or 0x42 or 0x72
            && start[2..Math.Min(start.Length, 2 + start[1])].ContainsAnyExcept(nameBytes);
    }

    /// <summary>Reads what a file lists.</summary>
    public static WeightContent Read(FileBytes file)
    {
        using var reader = new OnnxInitializers(file);
        try
        {
            reader.ReadModel();
            return new(WeightFormat.Onnx, reader.entries, reader.metadata);
        }
        catch (IOException e)
        {
            throw file.Refuse($"it is damaged: {e.Message}", cause: e);
        }
    }

    public void Dispose() => fields.Dispose();

    private void ReadModel()
    {
        while (fields.Next(file.Length))
        {
            switch (fields.Tag)
            {
                case 7 << 3 | ProtobufFields.Block:
                    ReadGraph(fields.ReadEnd(file.Length));
                    break;
                case 14 << 3 | ProtobufFields.Block:
                    var (key, value) = ReadPair(fields.ReadEnd(file.Length));
                    metadata[key] = value;
                    break;
                default:
                    fields.Values.SkipLastField();
                    break;
            }
        }
    }

    private void ReadGraph(long end)
    {
        while (fields.Next(end))
        {
            var isSparse = fields.Tag == (15 << 3 | ProtobufFields.Block);
            if (!isSparse && fields.Tag != (5 << 3 | ProtobufFields.Block))
            {
                fields.Values.SkipLastField();
                continue;
            }

            if (entries.Count == MostTensors)
                throw file.Refuse($"it has more than {MostTensors:N0} initializers.");
            var tensorEnd = fields.ReadEnd(end);
            entries.Add(isSparse ? ReadSparse(tensorEnd) : ReadTensor(tensorEnd));
        }
    }

    // A sparse tensor has the name of its values.
    private WeightEntry ReadSparse(long end)
    {
        var (name, shape) = ("", new List<long>());
        while (fields.Next(end))
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Block))
                name = ReadTensor(fields.ReadEnd(end)).Name;
            else if (!ReadSize(shape, field: 3, end))
                fields.Values.SkipLastField();
        }

        return new(file, name, [.. shape], "sparse");
    }

    private WeightEntry ReadTensor(long end)
    {
        var begin = fields.Position;
        var (name, type, isExternal, isSegment) = ("", 0, false, false);
        var shape = new List<long>();
        var location = new Dictionary<string, string>();
        var values = default(Values);
        while (fields.Next(end))
        {
            switch (fields.Tag)
            {
                case 2 << 3 | ProtobufFields.Varint:
                    type = fields.Values.ReadInt32();
                    break;
                case 3 << 3 | ProtobufFields.Block:
                    isSegment = true;
                    fields.Values.SkipLastField();
                    break;
                case 8 << 3 | ProtobufFields.Block:
                    name = fields.Values.ReadString();
                    break;
                case 13 << 3 | ProtobufFields.Block:
                    var (key, value) = ReadPair(fields.ReadEnd(end));
                    location[key] = value;
                    break;
                case 14 << 3 | ProtobufFields.Varint:
                    isExternal = fields.Values.ReadInt32() == 1;
                    break;
                default:
                    if (!ReadSize(shape, field: 1, end))
                        values = PassValues(values, end);
                    break;
            }
        }

        if (name.Length == 0)
            throw file.Refuse($"the initializer at byte {begin:N0} has no name.");
        if (!types.TryGetValue(type, out var stored) || isSegment)
            return new(file, name, [.. shape], isSegment ? "split into segments" : type == StringType ? "a tensor of texts" : $"of ONNX's type {type}");
        if (isExternal)
            return ReadExternal(name, stored.Type, [.. shape], location);
        if (values.Fields > 1 || (values.Fields == 1 && values.Field is not RawBytes && values.Field != stored.Field))
            throw file.Refuse($"tensor '{name}' of type {stored.Type.Name} has its values in a field for another type, or in several.");
        if (values.Field is Floats or Doubles or RawBytes && values.Parts == 1)
            return Whole(name, new(values.Position, values.Bytes / stored.Type.Size, stored.Type), [.. shape], values.Bytes);
        return new(file, name, new OnnxNumbers(begin, end, stored.Field, values.Most, stored.Type), [.. shape]);
    }

    /// <summary>Notes where values are, and goes on after them.</summary>
    private Values PassValues(Values values, long end)
    {
        var (field, wire) = (fields.Tag >> 3, fields.Tag & 7);
        if (field is not (Floats or Integers or LongIntegers or Doubles or UnsignedIntegers or RawBytes) || !(wire == ProtobufFields.Block || wire == WireOf(field)))
        {
            fields.Values.SkipLastField();
            return values;
        }

        var (position, most) = (fields.Position, 1L);
        if (wire == ProtobufFields.Block)
        {
            var valuesEnd = fields.ReadEnd(end);
            (position, most) = (fields.Position, valuesEnd - fields.Position);
            fields.MoveTo(valuesEnd);
        }
        else
        {
            fields.Values.SkipLastField();
        }

        if (most == 0)
            return values;

        // A value with a tag of its own is no part of a list.
        var parts = wire == ProtobufFields.Block ? 1 : 2;
        return values.Parts == 0
            ? new(field, 1, position, most, most, parts)
            : values with { Fields = values.Fields + (values.Field == field && field != RawBytes ? 0 : 1), Most = values.Most + most, Parts = values.Parts + parts };
    }

    /// <summary>A tensor whose bytes are those of its values.</summary>
    private WeightEntry Whole(string name, Storage storage, long[] shape, long bytes)
    {
        var entry = new WeightEntry(file, name, storage, shape);
        return bytes == entry.Count * storage.Type.Size
            ? entry
            : throw file.Refuse($"tensor '{name}' of shape {Shapes.Text(shape)} needs {entry.Count * storage.Type.Size:N0} bytes and has {bytes:N0}.");
    }

    private WeightEntry ReadExternal(string name, StoredType type, long[] shape, Dictionary<string, string> location)
    {
        var other = Open(name, location.GetValueOrDefault("location", ""));
        var begin = Number("offset", 0);
        var end = begin + (Int128)Number("length", Math.Max(0, other.Length - begin));
        if (end > other.Length)
            throw file.Refuse($"tensor '{name}' is at bytes {begin:N0} to {end:N0} of '{other.Path}', which has {other.Length:N0}.", "Copy both files again.");
        var storage = Share(name, other, begin, (long)end, type);
        return Whole(name, storage, shape, (long)end - begin);

        long Number(string key, long otherwise) => !location.TryGetValue(key, out var text) ? otherwise
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw file.Refuse($"tensor '{name}' has the {key} '{text}' in its file, which is not a number of bytes.");
    }

    // Tensors may be the same bytes, but no bytes may be in two different tensors: all together take no more memory than the files.
    private Storage Share(string name, FileBytes other, long begin, long end, StoredType type)
    {
        if (outside.TryGetValue((other.Path, begin), out var same) && same.End == end && same.Storage.Type == type)
            return same.Storage;
        var storage = new Storage(begin, (end - begin) / type.Size, type, other);
        if (begin < end && !outside.TryAdd((other.Path, begin), (end, storage)))
            throw Overlapping();
        var at = outside.IndexOfKey((other.Path, begin));
        if (begin < end && (Overlaps(at - 1) || Overlaps(at)))
            throw Overlapping();
        return storage;

        bool Overlaps(int index) => index >= 0 && index + 1 < outside.Count
            && outside.GetKeyAtIndex(index).Path == outside.GetKeyAtIndex(index + 1).Path
            && outside.GetValueAtIndex(index).End > outside.GetKeyAtIndex(index + 1).Begin;

        MultiInputException Overlapping() => file.Refuse($"tensor '{name}' overlaps with another one in '{other.Path}'.");
    }

    /// <summary>Opens a file in the folder of this one. Nothing in the path may lead out of it.</summary>
    private FileBytes Open(string name, string location)
    {
        if (beside.TryGetValue(location, out var open))
            return open;
        var parts = location.Split('/', '\\');
        if (location.Length == 0 || Path.IsPathRooted(location) || location.Any(char.IsControl) || parts.Any(part => part is "" or ".." || part.Contains(':', StringComparison.Ordinal)))
            throw file.Refuse($"the values of tensor '{name}' are in '{location}', which is not a path within the folder of the file.", "Save it with its values in files beside it.");
        var path = Path.GetDirectoryName(Path.GetFullPath(file.Path))!;
        foreach (var part in parts)
        {
            path = Path.Combine(path, part);
            if (new FileInfo(path).LinkTarget is not null)
                throw file.Refuse($"the values of tensor '{name}' are in '{location}', where '{part}' is a link.", "Put the file itself there.");
        }

        try
        {
            return beside[location] = file.OpenOther(path);
        }
        catch (MultiInputException e)
        {
            throw file.Refuse($"the values of tensor '{name}' are in '{location}', which cannot be read: {e.InnerException!.Message}", "Put the file there.", e);
        }
    }

    private bool ReadSize(List<long> shape, uint field, long end)
    {
        if (fields.Tag == (field << 3 | ProtobufFields.Varint))
            Add();
        else if (fields.Tag == (field << 3 | ProtobufFields.Block))
        {
            for (var listEnd = fields.ReadEnd(end); fields.Position < listEnd;)
                Add();
        }
        else
        {
            return false;
        }

        return true;

        void Add()
        {
            if (shape.Count == MostDimensions)
                throw file.Refuse($"a tensor before byte {fields.Position:N0} has more than {MostDimensions} dimensions.");
            shape.Add(fields.Values.ReadInt64());
        }
    }

    private (string Key, string Value) ReadPair(long end)
    {
        var (key, value) = ("", "");
        while (fields.Next(end))
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Block))
                key = fields.Values.ReadString();
            else if (fields.Tag == (2 << 3 | ProtobufFields.Block))
                value = fields.Values.ReadString();
            else
                fields.Values.SkipLastField();
        }

        return (key, value);
    }

    /// <summary>Where the values of a tensor are.</summary>
    /// <param name="Field">Their field.</param>
    /// <param name="Fields">In how many fields there are some.</param>
    /// <param name="Position">Where the first list of them begins.</param>
    /// <param name="Bytes">Its length.</param>
    /// <param name="Most">How many there can be.</param>
    /// <param name="Parts">1 if they are one list.</param>
    private readonly record struct Values(uint Field, int Fields, long Position, long Bytes, long Most, int Parts);
}
