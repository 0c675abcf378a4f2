using TorchSharp;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>How the numbers of an array are stored in a file, and the type of the tensor that they become.</summary>
/// <param name="Stored">The type of the stored bytes; for unsigned numbers, the signed type of the same size.</param>
/// <param name="Given">The type of the tensor; wider for the unsigned types that torch lacks.</param>
/// <param name="Unsigned">Whether the stored bytes are unsigned numbers of a type that torch lacks.</param>
internal sealed record ArrayElement(ScalarType Stored, ScalarType Given, bool Unsigned = false)
{
    public static readonly ArrayElement Bool = new(ScalarType.Byte, ScalarType.Bool);
    public static readonly ArrayElement Int8 = new(ScalarType.Int8, ScalarType.Int8);
    public static readonly ArrayElement Int16 = new(ScalarType.Int16, ScalarType.Int16);
    public static readonly ArrayElement Int32 = new(ScalarType.Int32, ScalarType.Int32);
    public static readonly ArrayElement Int64 = new(ScalarType.Int64, ScalarType.Int64);
    public static readonly ArrayElement UInt8 = new(ScalarType.Byte, ScalarType.Byte);
    public static readonly ArrayElement UInt16 = new(ScalarType.Int16, ScalarType.Int32, Unsigned: true);
    public static readonly ArrayElement UInt32 = new(ScalarType.Int32, ScalarType.Int64, Unsigned: true);
    public static readonly ArrayElement UInt64 = new(ScalarType.Int64, ScalarType.Int64, Unsigned: true);
    public static readonly ArrayElement Float16 = new(ScalarType.Float16, ScalarType.Float16);
    public static readonly ArrayElement Float32 = new(ScalarType.Float32, ScalarType.Float32);
    public static readonly ArrayElement Float64 = new(ScalarType.Float64, ScalarType.Float64);

    public int Size => Stored.ElementSize();

    /// <summary>Whether every number is exactly representable as Float32.</summary>
    public bool FitsFloat32 => Size < 4 || this == Float32;

    /// <summary>Converts stored numbers to the type of the tensor.</summary>
    /// <exception cref="InvalidDataException">A number does not fit.</exception>
    public Tensor Convert(Tensor stored)
    {
        if (!Unsigned)
            return stored.to(Given);
        if (Stored != Given)
            return stored.to(Given).bitwise_and((1L << (8 * Size)) - 1);
        if (stored.numel() > 0 && stored.min().ToInt64() < 0)
            throw new InvalidDataException("It holds unsigned 64-bit numbers above 2^63 - 1, which no tensor can hold.");
        return stored;
    }
}
