namespace MultiInputNet;

/// <summary>The kinds of input that a model can have.</summary>
public static class Inputs
{
    /// <inheritdoc cref="ImageInput"/>
    /// <param name="channels">The number of channels: 1 for grayscale, 3 for RGB, more for multi-band images.</param>
    /// <param name="height">The number of pixel rows.</param>
    /// <param name="width">The number of pixel columns.</param>
    public static ImageInput Image(int channels, int height, int width) => new(channels, height, width);

    /// <summary>A sequence of feature vectors: batches are <c>(batch, features, length)</c>.</summary>
    /// <param name="features">The number of features per step.</param>
    /// <param name="length">The number of steps.</param>
    public static InputSpec Sequence(int features, int length) => new SequenceInput(features, length);

    /// <inheritdoc cref="TokenInput"/>
    /// <param name="vocabulary">The number of different tokens.</param>
    /// <param name="length">The number of tokens per sample.</param>
    public static TokenInput Tokens(int vocabulary, int length) => new(vocabulary, length);

    /// <inheritdoc cref="TabularInput"/>
    /// <param name="features">The number of columns.</param>
    public static TabularInput Tabular(int features) => new(features);

    /// <summary>A table with named columns, some of which may be categorical or have missing values.</summary>
    /// <param name="columns">The columns, in the order of a batch.</param>
    public static TabularInput Tabular(params IReadOnlyList<TabularColumn> columns)
    {
        ArgumentNullException.ThrowIfNull(columns);
        return new(columns.Count) { Columns = [.. columns] };
    }
}
