namespace MultiInputNet.Weights;

/// <summary>A tensor of a pickle, as the pickle describes it: nothing of it is checked.</summary>
/// <param name="Storage">The storage that it is a view of.</param>
/// <param name="Offset">Values of the storage before its first.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Strides">The step of each dimension, in values.</param>
internal sealed record PickledTensor(Storage? Storage, long Offset, long[] Shape, long[] Strides)
{
    /// <summary>What it is, where no tensor can be made of it, such as <c>quantized</c>.</summary>
    public string? Oddity { get; init; }

    /// <summary>A tensor that cannot be read.</summary>
    public static PickledTensor Odd(string oddity, long[] shape) => new(null, 0, shape, []) { Oddity = oddity };
}
