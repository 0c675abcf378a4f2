namespace MultiInputNet.Weights;

/// <summary>A tensor as the pickle describes it, unchecked.</summary>
/// <param name="Storage">The storage that it is a view of.</param>
/// <param name="Offset">The number of values in the storage before its first.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Strides">The step of each dimension, in values.</param>
internal sealed record PickledTensor(Storage? Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>What it is, if no tensor can be made of it, such as <c>quantized</c>.</summary>
    public string? Oddity { get; init; }

    /// <summary>A tensor that cannot be read.</summary>
    public static PickledTensor Odd(string oddity, long[] shape) => new(null, 0, shape, []) { Oddity = oddity };
}
