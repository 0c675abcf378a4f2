using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using MultiInputNet.Onnx.Schema;
using static MultiInputNet.Onnx.Schema.TensorProto.Types;

namespace MultiInputNet.Onnx;

/// <summary>Numbers of an ONNX file: <see cref="Floats"/>, or if they are whole or truth values, <see cref="Integers"/>.</summary>
/// <param name="Shape">Their shape.</param>
/// <param name="Type">Their type, one of <c>Float</c>, <c>Int64</c> and <c>Bool</c>, whatever their width in the file.</param>
/// <param name="Floats">The numbers, if they are not whole.</param>
/// <param name="Integers">The numbers, if they are whole.</param>
internal sealed record OnnxTensor(long[] Shape, DataType Type, float[] Floats, long[] Integers)
{
    public const int MostDimensions = 8;

    /// <summary>The number of them.</summary>
    public int Count => Type == DataType.Float ? Floats.Length : Integers.Length;

    /// <summary>The numbers as an attribute has them: in the shortest form that is the same number in single precision.</summary>
    public IEnumerable<double> Numbers => Type == DataType.Float ? Floats.Select(Shortest) : Integers.Select(number => (double)Math.Clamp(number, -int.MaxValue, int.MaxValue));

    /// <summary>A list of whole numbers.</summary>
    public static OnnxTensor Of(params long[] numbers) => new([numbers.Length], DataType.Int64, [], numbers);

    /// <summary>A number in the shortest form that is the same in single precision; infinite ones become the largest.</summary>
    public static double Shortest(float number) =>
        double.Parse(Math.Clamp(number, float.MinValue, float.MaxValue).ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>The matrix with rows and columns exchanged.</summary>
    public OnnxTensor Transpose()
    {
        var (rows, columns) = ((int)Shape[0], (int)Shape[1]);
        var turned = new float[Floats.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
                turned[column * rows + row] = Floats[row * columns + column];
        }

        return this with { Shape = [columns, rows], Floats = turned };
    }

    /// <summary>Reads a tensor.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="data">Its bytes, if it has them: little-endian numbers in the order of its shape.</param>
    /// <param name="count">The number of values of its shape.</param>
    /// <returns>The tensor; null if it has another number of values, or a type that is not read.</returns>
    public static OnnxTensor? Read(TensorProto tensor, ReadOnlyMemory<byte> data, long count)
    {
        var (type, isRaw) = ((DataType)tensor.DataType, data.Length > 0);
        var width = type switch
        {
            DataType.Uint8 or DataType.Int8 or DataType.Bool => 1,
            DataType.Uint16 or DataType.Int16 or DataType.Float16 or DataType.Bfloat16 => 2,
            DataType.Float or DataType.Int32 or DataType.Uint32 => 4,
            DataType.Double or DataType.Int64 or DataType.Uint64 => 8,
            _ => 0,
        };
        var held = isRaw ? data.Length / Math.Max(1, width) : type switch
        {
            DataType.Float => tensor.FloatData.Count,
            DataType.Double => tensor.DoubleData.Count,
            DataType.Int64 => tensor.Int64Data.Count,
            DataType.Uint32 or DataType.Uint64 => tensor.Uint64Data.Count,
            _ => tensor.Int32Data.Count,
        };
        if (width == 0 || held != count || (isRaw && data.Length != count * width))
            return null;

        if (type is DataType.Float or DataType.Double or DataType.Float16 or DataType.Bfloat16)
        {
            var floats = new float[count];
            if (type == DataType.Float && isRaw && BitConverter.IsLittleEndian)
                MemoryMarshal.Cast<byte, float>(data.Span).CopyTo(floats);
            else
                Fill(floats, i => FloatAt(i));
            return new([.. tensor.Dims], DataType.Float, floats, []);
        }

        var integers = new long[count];
        Fill(integers, i => IntegerAt(i));
        return new([.. tensor.Dims], type == DataType.Bool ? DataType.Bool : DataType.Int64, [], integers);

        ReadOnlySpan<byte> At(int i) => data.Span.Slice(i * width, width);

        float FloatAt(int i) => type switch
        {
            DataType.Float => isRaw ? BinaryPrimitives.ReadSingleLittleEndian(At(i)) : tensor.FloatData[i],
            DataType.Double => (float)(isRaw ? BinaryPrimitives.ReadDoubleLittleEndian(At(i)) : tensor.DoubleData[i]),
            DataType.Float16 => (float)BitConverter.UInt16BitsToHalf((ushort)Bits(i)),
            _ => BitConverter.Int32BitsToSingle((int)(Bits(i) << 16)),
        };

        long Bits(int i) => isRaw ? BinaryPrimitives.ReadUInt16LittleEndian(At(i)) : tensor.Int32Data[i] & 0xFFFF;

        long IntegerAt(int i) => (type, isRaw) switch
        {
            (DataType.Int64, false) => tensor.Int64Data[i],
            (DataType.Uint32 or DataType.Uint64, false) => (long)tensor.Uint64Data[i],
            (_, false) => tensor.Int32Data[i],
            (DataType.Int64 or DataType.Uint64, _) => BinaryPrimitives.ReadInt64LittleEndian(At(i)),
            (DataType.Int32, _) => BinaryPrimitives.ReadInt32LittleEndian(At(i)),
            (DataType.Uint32, _) => BinaryPrimitives.ReadUInt32LittleEndian(At(i)),
            (DataType.Int16, _) => BinaryPrimitives.ReadInt16LittleEndian(At(i)),
            (DataType.Uint16, _) => BinaryPrimitives.ReadUInt16LittleEndian(At(i)),
            (DataType.Int8, _) => (sbyte)At(i)[0],
            _ => At(i)[0],
        };
    }

    private static void Fill<T>(T[] values, Func<int, T> value)
    {
        for (var i = 0; i < values.Length; i++)
            values[i] = value(i);
    }
}
