using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>The layout of an array in a file, as declared in its header: trusted only once it was compared with the actual bytes.</summary>
internal sealed record ArrayLayout
{
    private const int LargestRank = 32;
    private const int ElementsAtOnce = 16 << 20;

    /// <summary>Creates a layout.</summary>
    /// <exception cref="InvalidDataException">No array can have such a shape.</exception>
    public ArrayLayout(ArrayElement element, long[] shape, bool bigEndian, bool fortranOrder = false)
    {
        if (shape.Length > LargestRank)
            throw new InvalidDataException($"Its header declares {shape.Length} dimensions; at most {LargestRank} are read.");

        // Empty dimensions count as one here: torch multiplies the others to get strides, which must not overflow.
        var largest = (Int128)element.Size;
        foreach (var size in shape)
        {
            if (size < 0 || (largest *= Math.Max(size, 1)) > long.MaxValue)
                throw new InvalidDataException($"Its header declares an array of shape {Shapes.Text(shape)}, which no file can hold.");
        }

        (Element, Shape, BigEndian, FortranOrder) = (element, shape, bigEndian, fortranOrder);
        Bytes = shape.Aggregate((long)element.Size, (product, size) => product * size);
    }

    public ArrayElement Element { get; }

    public IReadOnlyList<long> Shape { get; }

    public bool BigEndian { get; }

    public bool FortranOrder { get; }

    public long Bytes { get; }

    /// <summary>Throws unless a number of bytes matches the array.</summary>
    /// <exception cref="InvalidDataException">It does not.</exception>
    public void CheckLength(long bytes)
    {
        if (bytes != Bytes)
            throw new InvalidDataException(FormattableString.Invariant($"An array of shape {Shapes.Text(Shape)} takes {Bytes:N0} bytes, but there are {bytes:N0}."));
    }

    /// <summary>Reads the array to the end of a stream.</summary>
    /// <param name="content">The bytes after the header.</param>
    /// <param name="limit">The most bytes that the stream can hold, derived from the size of the file.</param>
    /// <exception cref="InvalidDataException">The stream holds fewer or more bytes.</exception>
    /// <exception cref="EndOfStreamException">The stream holds fewer bytes.</exception>
    public Tensor Read(Stream content, long limit)
    {
        if (Bytes > limit)
            throw new InvalidDataException(FormattableString.Invariant($"An array of shape {Shapes.Text(Shape)} takes {Bytes:N0} bytes, but the file can hold at most {limit:N0}."));
        using var scope = NewDisposeScope();
        var stored = empty(FortranOrder ? [.. Shape.Reverse()] : [.. Shape], Element.Stored);
        var flat = stored.view(-1);
        for (var start = 0L; start < flat.numel(); start += ElementsAtOnce)
        {
            var part = flat.narrow(0, start, Math.Min(ElementsAtOnce, flat.numel() - start));
            content.ReadExactly(part.bytes);
            MakeNative(part.bytes);
        }

        if (content.ReadByte() >= 0)
            throw new InvalidDataException(FormattableString.Invariant($"It continues after the {Bytes:N0} bytes of its array of shape {Shapes.Text(Shape)}."));
        var given = Element.Convert(stored);
        return (FortranOrder ? given.permute([.. Enumerable.Range(0, Shape.Count).Reverse().Select(d => (long)d)]).contiguous() : given)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Converts stored bytes to this machine's byte order, in place.</summary>
    public void MakeNative(Span<byte> bytes)
    {
        if (BigEndian != BitConverter.IsLittleEndian)
            return;
        if (Element.Size == 2)
            Reverse<short>(bytes, BinaryPrimitives.ReverseEndianness);
        else if (Element.Size == 4)
            Reverse<int>(bytes, BinaryPrimitives.ReverseEndianness);
        else if (Element.Size == 8)
            Reverse<long>(bytes, BinaryPrimitives.ReverseEndianness);
    }

    private static void Reverse<T>(Span<byte> bytes, ReverseAll<T> reverse)
        where T : unmanaged
    {
        var numbers = MemoryMarshal.Cast<byte, T>(bytes);
        reverse(numbers, numbers);
    }

    private delegate void ReverseAll<T>(ReadOnlySpan<T> source, Span<T> destination);
}
