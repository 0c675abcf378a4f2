using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MultiInputNet.Data;

/// <summary>How an array lies in a file, as its header says: believed once it is compared with the bytes that are there.</summary>
internal sealed record ArrayLayout
{
    private const int LargestRank = 32;
    private const int ElementsAtOnce = 16 << 20;

    /// <summary>Creates a layout.</summary>
    /// <exception cref="InvalidDataException">No array has such a shape.</exception>
    public ArrayLayout(ArrayElement element, long[] shape, bool bigEndian, bool fortranOrder = false)
    {
        if (shape.Length > LargestRank)
            throw new InvalidDataException($"Its header declares {shape.Length} dimensions; at most {LargestRank} are read.");

        // Empty dimensions count as one here: torch multiplies the others for its strides, and must not overflow.
        var largest = (Int128)element.Size;
        foreach (var size in shape)
        {
            if (size < 0 || (largest *= Math.Max(size, 1)) > long.MaxValue)
                throw new InvalidDataException($"Its header declares an array of shape {Shapes.Text(shape)}, which no file holds.");
        }

        (Element, Shape, BigEndian, FortranOrder) = (element, shape, bigEndian, fortranOrder);
        Bytes = shape.Aggregate((long)element.Size, (product, size) => product * size);
    }

    public ArrayElement Element { get; }

    public IReadOnlyList<long> Shape { get; }

    public bool BigEndian { get; }

    public bool FortranOrder { get; }

    public long Bytes { get; }

    /// <summary>Throws unless a number of bytes is that of the array.</summary>
    /// <exception cref="InvalidDataException">It is not.</exception>
    public void CheckLength(long bytes)
    {
        if (bytes != Bytes)
            throw new InvalidDataException(FormattableString.Invariant($"An array of shape {Shapes.Text(Shape)} takes {Bytes:N0} bytes, and {bytes:N0} are there."));
    }

    /// <summary>Reads the array to the end of a stream.</summary>
    /// <param name="content">The bytes behind the header.</param>
    /// <param name="limit">The most bytes that the stream can hold, from the size of the file behind it.</param>
    /// <exception cref="InvalidDataException">The stream holds fewer or more bytes.</exception>
    /// <exception cref="EndOfStreamException">The stream holds fewer bytes.</exception>
    public Tensor Read(Stream content, long limit)
    {
        if (Bytes > limit)
            throw new InvalidDataException(FormattableString.Invariant($"An array of shape {Shapes.Text(Shape)} takes {Bytes:N0} bytes, and the file holds {limit:N0} at the most."));
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
            throw new InvalidDataException(FormattableString.Invariant($"It goes on behind the {Bytes:N0} bytes of its array of shape {Shapes.Text(Shape)}."));
        var given = Element.Convert(stored);
        return (FortranOrder ? given.permute([.. Enumerable.Range(0, Shape.Count).Reverse().Select(d => (long)d)]).contiguous() : given)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Turns stored bytes into this machine's byte order, in place.</summary>
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
