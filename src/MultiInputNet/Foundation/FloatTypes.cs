using static TorchSharp.torch;

namespace MultiInputNet;

/// <summary>The floating types that models can be converted to.</summary>
internal static class FloatTypes
{
    /// <summary>
    /// The type in which numbers of another are summed up: small changes are lost in 16 bits, and squares of Float16 run out of its range.
    /// </summary>
    public static ScalarType AtLeastSingle(this ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : type;
}
