using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace MultiInputNet.Training;

/// <summary>Tensors in a SHA-256 hash: the type, the shape and every bit of the values, regardless of strides and device.</summary>
internal static class TensorHash
{
    private const long AtOnce = 1L << 26;

    public static void AppendText(this IncrementalHash hash, string text)
    {
        // With its length, so that different sequences of texts never form the same bytes.
        var bytes = Encoding.UTF8.GetBytes(text);
        hash.AppendData(BitConverter.GetBytes(bytes.LongLength));
        hash.AppendData(bytes);
    }

    public static void AppendTensor(this IncrementalHash hash, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        hash.AppendText($"{tensor.dtype} {Shapes.Text(tensor.shape)}");
        var values = tensor.detach().cpu().contiguous().view(-1);
        for (var start = 0L; start < values.shape[0]; start += AtOnce)
        {
            using var part = values.narrow(0, start, Math.Min(AtOnce, values.shape[0] - start));
            hash.AppendData(part.bytes);
        }
    }

    public static string ToText(this IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset());
}
