using static TorchSharp.torch;

namespace MultiInputNet.Onnx;

/// <summary>The numbers of element types in the ONNX specification.</summary>
internal static class OnnxTypes
{
    public static long Number(ScalarType type) => type switch
    {
        ScalarType.Float32 => 1,
        ScalarType.Int64 => 7,
        ScalarType.Bool => 9,
        ScalarType.Float64 => 11,
        ScalarType.Int32 => 6,
        _ => throw new NotSupportedException($"{type}"),
    };
}
