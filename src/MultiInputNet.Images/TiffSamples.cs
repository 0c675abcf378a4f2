using System.Numerics;
using System.Runtime.InteropServices;
using BitMiracle.LibTiff.Classic;

namespace MultiInputNet.Images;

/// <summary>How the numbers of a TIFF are stored.</summary>
/// <param name="Format">Signed or unsigned integers, or floats.</param>
/// <param name="Bits">Bits per number.</param>
internal readonly record struct TiffSamples(SampleFormat Format, int Bits)
{
    public bool IsRead => Format switch
    {
        SampleFormat.UINT or SampleFormat.VOID => Bits is (>= 1 and <= 16) or 24 or 32 or 64,
        SampleFormat.INT => Bits is 8 or 16 or 32 or 64,
        SampleFormat.IEEEFP => Bits is 16 or 24 or 32 or 64,
        _ => false,
    };

    public bool IsFloating => Format == SampleFormat.IEEEFP;

    public bool HasSign => Format is SampleFormat.INT or SampleFormat.IEEEFP;

    /// <summary>The divisor of integers: the largest one; 1 for floats.</summary>
    public double Largest => IsFloating ? 1 : Math.ScaleB(1, HasSign ? Bits - 1 : Bits) - 1;

    /// <summary>The bytes that a number of samples take, starting at a byte boundary.</summary>
    public Int128 Bytes(Int128 samples) => (samples * Bits + 7) / 8;

    /// <summary>Reads a row of samples in the machine's byte order; integers are not divided yet.</summary>
    public void Read(ReadOnlySpan<byte> row, Span<double> values)
    {
        switch (Format, Bits)
        {
            case (SampleFormat.INT, 8):
                Convert<sbyte>(row, values);
                break;
            case (SampleFormat.INT, 16):
                Convert<short>(row, values);
                break;
            case (SampleFormat.INT, 32):
                Convert<int>(row, values);
                break;
            case (SampleFormat.INT, 64):
                Convert<long>(row, values);
                break;
            case (SampleFormat.IEEEFP, 16):
                Convert<Half>(row, values);
                break;
            case (SampleFormat.IEEEFP, 32):
                Convert<float>(row, values);
                break;
            case (SampleFormat.IEEEFP, 64):
                Convert<double>(row, values);
                break;
            case (_, 8):
                Convert<byte>(row, values);
                break;
            case (_, 16):
                Convert<ushort>(row, values);
                break;
            case (_, 24):
                for (var i = 0; i < values.Length; i++)
                {
                    var number = row[3 * i] | row[3 * i + 1] << 8 | row[3 * i + 2] << 16;
                    values[i] = IsFloating ? Float24(number) : number;
                }

                break;
            case (_, 32):
                Convert<uint>(row, values);
                break;
            case (_, 64):
                Convert<ulong>(row, values);
                break;
            default:
                Unpack(row, values);
                break;
        }
    }

    /// <summary>Undoes the horizontal predictor for 64-bit numbers, which the decoder does not.</summary>
    public static void Accumulate(Span<byte> row, int stride)
    {
        var numbers = MemoryMarshal.Cast<byte, ulong>(row);
        for (var i = stride; i < numbers.Length; i++)
            numbers[i] += numbers[i - stride];
    }

    private static void Convert<T>(ReadOnlySpan<byte> row, Span<double> values)
        where T : unmanaged, INumberBase<T>
    {
        var numbers = MemoryMarshal.Cast<byte, T>(row);
        for (var i = 0; i < values.Length; i++)
            values[i] = double.CreateTruncating(numbers[i]);
    }

    /// <summary>A sign, 7 bits of exponent and 16 of mantissa (Adobe Photoshop TIFF Technical Note 3).</summary>
    private static double Float24(int bits)
    {
        var (sign, exponent, mantissa) = (bits >> 23 == 0 ? 1.0 : -1.0, bits >> 16 & 0x7F, bits & 0xFFFF);
        return sign * exponent switch
        {
            0 => Math.ScaleB(mantissa, -62 - 16),
            0x7F => mantissa == 0 ? double.PositiveInfinity : double.NaN,
            _ => Math.ScaleB(0x10000 + mantissa, exponent - 63 - 16),
        };
    }

    /// <summary>Consecutive numbers of a few bits, highest bit first.</summary>
    private void Unpack(ReadOnlySpan<byte> row, Span<double> values)
    {
        var (kept, bits, next) = (0u, 0, 0);
        for (var i = 0; i < values.Length; i++)
        {
            for (; bits < Bits; bits += 8)
                kept = kept << 8 | row[next++];
            bits -= Bits;
            values[i] = kept >> bits & ((1u << Bits) - 1);
        }
    }
}
