using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The floating-point types to which models can be converted.</summary>
internal static class FloatTypes
{
    /// <summary>
    /// The type in which numbers of another type are summed: in 16 bits small changes are lost, and squares exceed the range of Float16.
    /// </summary>
    public static ScalarType AtLeastSingle(this ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;
}
