using System.Buffers.Binary;
using Google.Protobuf;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>
/// The values of an ONNX tensor where they do not lie one after another as in memory: numbers of variable length, or each with a tag.
/// </summary>
internal sealed class OnnxNumbers : Storage
{
    private const int ReadAtOnce = 8_192;

    private readonly long begin;
    private readonly long end;
    private readonly uint field;
    private readonly int size;

    /// <param name="begin">Where the tensor's message begins.</param>
    /// <param name="end">Where it ends.</param>
    /// <param name="field">The number of the field with the values.</param>
    /// <param name="most">How many there can be: none takes less than a byte.</param>
    /// <param name="type">Their type.</param>
    public OnnxNumbers(long begin, long end, uint field, long most, StoredType type)
        : base(begin, most, type)
    {
        (this.begin, this.end, this.field) = (begin, end, field);

        // Each half of a complex number is a value of its own.
        size = field is OnnxInitializers.Floats ? sizeof(float) : field is OnnxInitializers.Doubles ? sizeof(double) : type.Size;
    }

    /// <inheritdoc/>
    public override Tensor? Read(FileBytes file, long first, long length)
    {
        using var scope = NewDisposeScope();
        var expected = length * (Type.Size / size);
        var raw = empty([length], Type.Raw, CPU);
        var part = new byte[Math.Min(expected, ReadAtOnce) * size];
        var (count, filled) = (0L, 0);
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        try
        {
            foreach (var value in Values(file))
            {
                if (++count > expected)
                    break;
                if (!Fits(value))
                    return null;
                BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
                bytes[..size].CopyTo(part.AsSpan(filled));
                filled += size;
                if (filled == part.Length || count == expected)
                {
                    part.AsSpan(0, filled).CopyTo(raw.narrow(0, (count * size - filled) / Type.Size, filled / Type.Size).bytes);
                    filled = 0;
                }
            }
        }
        catch (InvalidProtocolBufferException e)
        {
            throw file.Refuse($"it is damaged: {e.Message}", cause: e);
        }

        if (count != expected)
            throw file.Refuse($"the tensor at byte {begin:N0} has {(count > expected ? "more" : $"{count:N0}")} values instead of {expected:N0}.");
        return Type.Convert is null ? raw.MoveToOuterDisposeScope() : Type.Convert(raw)?.MoveToOuterDisposeScope();
    }

    private bool Fits(long value) =>
        size == sizeof(long) || field == OnnxInitializers.Floats
        || (Type.Given is ScalarType.Int8 or ScalarType.Int16 or ScalarType.Int32 && Type.Convert is null
            ? value >> (8 * size - 1) is 0 or -1
            : value >> (8 * size) == 0);

    private IEnumerable<long> Values(FileBytes file)
    {
        using var fields = new ProtobufFields(file, begin);
        while (fields.Next(end))
        {
            if (fields.Tag == (field << 3 | OnnxInitializers.WireOf(field)))
                yield return Value(fields.Values);
            else if (fields.Tag != (field << 3 | ProtobufFields.Block))
                fields.Values.SkipLastField();
            else
            {
                for (var listEnd = fields.ReadEnd(end); fields.Position < listEnd;)
                    yield return Value(fields.Values);
            }
        }
    }

    private long Value(CodedInputStream values) => field switch
    {
        OnnxInitializers.Floats => values.ReadFixed32(),
        OnnxInitializers.Doubles => (long)values.ReadFixed64(),
        OnnxInitializers.Integers => values.ReadInt32(),
        OnnxInitializers.LongIntegers => values.ReadInt64(),
        _ => (long)values.ReadUInt64(),
    };
}
