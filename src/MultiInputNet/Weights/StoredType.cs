using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Weights;

/// <summary>How a file stores the values of a tensor, and the type that represents them exactly here.</summary>
/// <param name="Name">The type's name in the file, for messages.</param>
/// <param name="Given">The type of the tensor made from them.</param>
/// <param name="Raw">A type of the same size, as which they are read.</param>
internal sealed record StoredType(string Name, ScalarType Given, ScalarType Raw)
{
    private StoredType(string name, ScalarType type)
        : this(name, type, type)
    {
    }

    /// <summary>The types by their names in safetensors.</summary>
    public static IReadOnlyDictionary<string, StoredType> SafeTensors { get; } = new StoredType[]
    {
        new("F64", ScalarType.Float64),
        new("F32", ScalarType.Float32),
        new("F16", ScalarType.Float16),
        new("BF16", ScalarType.BFloat16),
        new("I64", ScalarType.Int64),
        new("I32", ScalarType.Int32),
        new("I16", ScalarType.Int16),
        new("I8", ScalarType.Int8),
        new("U8", ScalarType.Byte),
        new("C64", ScalarType.ComplexFloat32),

        // In libtorch, any byte other than 0 and 1 in a bool is undefined behaviour.
        new("BOOL", ScalarType.Bool, ScalarType.Byte) { Convert = bytes => bytes.ne(zeros_like(bytes)) },
        new("U16", ScalarType.Int32, ScalarType.Int16) { Convert = numbers => numbers.to(ScalarType.Int32).bitwise_and(tensor((int)ushort.MaxValue)) },
        new("U32", ScalarType.Int64, ScalarType.Int32) { Convert = numbers => numbers.to(ScalarType.Int64).bitwise_and(tensor((long)uint.MaxValue)) },
        new("U64", ScalarType.Int64, ScalarType.Int64) { Convert = numbers => numbers.lt(zeros_like(numbers)).any().ToBoolean() ? null : numbers },
        new("F8_E4M3", ScalarType.Float16, ScalarType.Byte) { Convert = bytes => LookUp(bytes, E4M3).to(ScalarType.Float16) },
        new("F8_E5M2", ScalarType.Float16, ScalarType.Byte) { Convert = bytes => LookUp(bytes, value => (float)BitConverter.UInt16BitsToHalf((ushort)(value << 8))).to(ScalarType.Float16) },
        new("F8_E8M0", ScalarType.Float32, ScalarType.Byte) { Convert = bytes => LookUp(bytes, value => value == 0xFF ? float.NaN : MathF.ScaleB(1, value - 127)) },
    }.ToDictionary(type => type.Name);

    /// <summary>The types by their names in PyTorch, as of <c>torch.float32</c>.</summary>
    public static IReadOnlyDictionary<string, StoredType> PyTorch { get; } = new (string Name, StoredType Type)[]
    {
        ("float64", SafeTensors["F64"]), ("float32", SafeTensors["F32"]), ("float16", SafeTensors["F16"]), ("bfloat16", SafeTensors["BF16"]),
        ("int64", SafeTensors["I64"]), ("int32", SafeTensors["I32"]), ("int16", SafeTensors["I16"]), ("int8", SafeTensors["I8"]), ("uint8", SafeTensors["U8"]),
        ("uint64", SafeTensors["U64"]), ("uint32", SafeTensors["U32"]), ("uint16", SafeTensors["U16"]), ("bool", SafeTensors["BOOL"]),
        ("complex64", SafeTensors["C64"]), ("complex128", new("complex128", ScalarType.ComplexFloat64)),
        ("float8_e4m3fn", SafeTensors["F8_E4M3"]), ("float8_e5m2", SafeTensors["F8_E5M2"]), ("float8_e8m0fnu", SafeTensors["F8_E8M0"]),
        ("quint8", Unknown("quint8", ScalarType.Byte)), ("qint8", Unknown("qint8", ScalarType.Byte)), ("qint32", Unknown("qint32", ScalarType.Int32)),
        ("quint4x2", Unknown("quint4x2", ScalarType.Byte)), ("quint2x4", Unknown("quint2x4", ScalarType.Byte)),
    }.ToDictionary(pair => pair.Name, pair => pair.Type);

    /// <summary>Converts values to the given type, or returns null if it cannot hold them; null if there is nothing to convert.</summary>
    public Func<Tensor, Tensor?>? Convert { get; private init; }

    /// <summary>Whether no tensor can be made from such values: only their size is known.</summary>
    public bool IsUnknown { get; private init; }

    /// <summary>The bytes per value.</summary>
    public int Size => Raw switch
    {
        ScalarType.ComplexFloat32 => 8,
        ScalarType.ComplexFloat64 => 16,
        _ => Raw.ElementSize(),
    };

    /// <summary>The stored type that needs no conversion to a given tensor type.</summary>
    public static StoredType Of(ScalarType type) => SafeTensors.Values.First(stored => stored.Given == type);

    private static StoredType Unknown(string name, ScalarType raw) => new(name, raw) { IsUnknown = true };

    // 4 bits of exponent, 3 of mantissa, no infinity.
    private static float E4M3(int value)
    {
        var (exponent, mantissa) = ((value >> 3) & 0xF, value & 0x7);
        var size = exponent == 0 ? MathF.ScaleB(mantissa, -9)
            : exponent == 0xF && mantissa == 0x7 ? float.NaN
            : MathF.ScaleB(8 + mantissa, exponent - 10);
        return value < 0x80 ? size : -size;
    }

    private static Tensor LookUp(Tensor bytes, Func<int, float> valueOf) =>
        tensor(Enumerable.Range(0, 256).Select(valueOf).ToArray()).index_select(0, bytes.to(ScalarType.Int32));
}
