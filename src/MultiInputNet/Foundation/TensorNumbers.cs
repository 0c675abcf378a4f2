using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The numbers of tensors.</summary>
internal static class TensorNumbers
{
    /// <summary>Copies the numbers of a tensor, in the order of its shape. TorchSharp's own way takes many times as long.</summary>
    /// <typeparam name="T">The tensor's type.</typeparam>
    /// <param name="values">The tensor, on any device.</param>
    public static T[] Numbers<T>(this Tensor values)
        where T : unmanaged
    {
        using var scope = NewDisposeScope();
        var numbers = values.detach().cpu().contiguous();
        return numbers.ElementSize == Marshal.SizeOf<T>()
            ? MemoryMarshal.Cast<byte, T>(numbers.bytes).ToArray()
            : throw new InvalidOperationException($"{numbers.dtype} is not {typeof(T).Name}.");
    }
}
